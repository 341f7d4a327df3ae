// Arrays of a thread that no register can hold, because their index is not known, or too many.

extern "C" __global__ void local_array(int *out, const int *in, int rounds) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, a[32], seed = in[i];
    for (int k = 0; k < 32; k++) a[k] = k * k;
    for (int r = 0; r < rounds; r++) {
        int at = seed & 31;
        a[at] += seed >> 3;
        seed = a[at] * 5 + r;
    }
    int sum = 0;
    for (int k = 0; k < 32; k++) sum = sum * 7 + a[k];
    out[i] = sum;
}

// More live values than registers: 32 are all that a thread may have.
extern "C" __global__ void __launch_bounds__(1024, 2) spill(unsigned *out, const unsigned *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned v[48];
#pragma unroll
    for (int k = 0; k < 48; k++) v[k] = in[(i + k * 37) & 1023];
#pragma unroll
    for (int r = 0; r < 3; r++) {
#pragma unroll
        for (int k = 0; k < 48; k++) v[k] = v[k] * 5 + v[(k * 7 + 11) % 48] + (v[(k + 1) % 48] >> 3);
    }
    unsigned sum = 0;
#pragma unroll
    for (int k = 0; k < 48; k++) sum ^= v[k] * (k + 1);
    out[i] = sum;
}

// Bytes, in a local buffer: the number in decimal, backwards, as a hash of its characters.
extern "C" __global__ void digits(unsigned *out, const unsigned *in) {
    char text[12];
    unsigned v = in[threadIdx.x], n = 0, hash = 2166136261u;
    do {
        text[n++] = '0' + v % 10;
        v /= 10;
    } while (v);
    while (n > 0) hash = (hash ^ text[--n]) * 16777619u;
    out[threadIdx.x] = hash;
}

// A buffer whose size is known only when the function is called, and a deeper one behind it.
__device__ __noinline__ int dynamic(int n, int depth) {
    int *a = (int *)alloca(n * sizeof(int)), sum = 0;
    for (int k = 0; k < n; k++) a[k] = k * n + depth;
    if (depth > 0) sum = dynamic(n + 3, depth - 1);
    for (int k = 0; k < n; k++) sum = sum * 3 + a[n - 1 - k];
    return sum;
}

extern "C" __global__ void allocas(int *out) {
    out[threadIdx.x] = dynamic(threadIdx.x % 5 + 1, threadIdx.x % 3);
}
