// Vectors: one element a thread, a stride of the grid, four at a time.

extern "C" __global__ void vecadd(float *c, const float *a, const float *b, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) c[i] = a[i] + b[i];
}

extern "C" __global__ void saxpy(float *y, const float *x, float a, int n) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        y[i] = a * x[i] + y[i];
}

extern "C" __global__ void copy4(float4 *__restrict__ out, const float4 *__restrict__ in, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = in[i];
}

// Streaming loads and stores, with cache hints.
extern "C" __global__ void stream(unsigned *out, const unsigned *in, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    unsigned a = __ldcs(in + i), b = __ldcg(in + i), c = __ldg(in + i), d = __ldlu(in + i);
    __stcs(out + i, a + b);
    __stwt(out + n + i, c ^ (d << 1));
}
