// Sums of integers, six ways.

extern "C" __global__ void reduce_shared(unsigned *out, const unsigned *in, int n) {
    __shared__ unsigned part[256];
    int t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
    part[t] = i < n ? in[i] : 0;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if (t < half) part[t] += part[t + half];
        __syncthreads();
    }
    if (t == 0) out[blockIdx.x] = part[0];
}

__device__ unsigned warp_sum(unsigned v) {
    for (int d = 16; d > 0; d /= 2) v += __shfl_down_sync(~0u, v, d);
    return v;
}

__device__ unsigned block_sum(unsigned v) {
    __shared__ unsigned part[32];
    v = warp_sum(v);
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;
    __syncthreads();
    v = threadIdx.x < blockDim.x / 32 ? part[threadIdx.x] : 0;
    return threadIdx.x < 32 ? warp_sum(v) : 0;
}

extern "C" __global__ void reduce_shfl(unsigned *out, const unsigned *in, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned v = block_sum(i < n ? in[i] : 0);
    if (threadIdx.x == 0) out[blockIdx.x] = v;
}

extern "C" __global__ void reduce_redux(unsigned *out, const unsigned *in, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned v = i < n ? in[i] : 0;
    unsigned sum = __reduce_add_sync(~0u, v), low = __reduce_min_sync(~0u, v);
    int high = __reduce_max_sync(~0u, (int)v);
    unsigned all = __reduce_and_sync(~0u, v), some = __reduce_or_sync(~0u, v);
    unsigned odd = __reduce_xor_sync(~0u, v);
    if (threadIdx.x % 32 == 0) {
        atomicAdd(out, sum);
        atomicMin(out + 1, low);
        atomicMax((int *)out + 2, high);
        atomicAnd(out + 3, all);
        atomicOr(out + 4, some);
        atomicXor(out + 5, odd);
    }
}

extern "C" __global__ void reduce_atomic(unsigned *out, const unsigned *in, int n) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        atomicAdd(out, in[i]);
}

__device__ unsigned finished = 0;

// The last block to finish adds the sums of all (CUDA guide, memory fence functions).
extern "C" __global__ void reduce_fence(unsigned *out, volatile unsigned *part,
                                        const unsigned *in, int n) {
    __shared__ bool last;
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned v = block_sum(i < n ? in[i] : 0);
    if (threadIdx.x == 0) {
        part[blockIdx.x] = v;
        __threadfence();
        last = atomicInc(&finished, gridDim.x - 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last) return;
    v = block_sum(threadIdx.x < gridDim.x ? part[threadIdx.x] : 0);
    if (threadIdx.x == 0) *out = v;
}

// A sum of floats in a fixed order: by butterfly.
extern "C" __global__ void reduce_float(float *out, const float *in) {
    float v = in[blockIdx.x * 32 + threadIdx.x];
    for (int d = 16; d > 0; d /= 2) v += __shfl_xor_sync(~0u, v, d);
    out[blockIdx.x * 32 + threadIdx.x] = v;
}
