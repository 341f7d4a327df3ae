// The largest: where it is, and the k largest of a row. Ties go to the lower index.

__device__ unsigned long long key(float v, unsigned i) { // larger is better
    unsigned b = __float_as_uint(v);
    b ^= b >> 31 ? ~0u : 0x80000000u;
    return (unsigned long long)b << 32 | ~i;
}

__device__ unsigned long long warp_best(unsigned long long v) {
    for (int d = 16; d > 0; d /= 2) {
        unsigned long long o = __shfl_xor_sync(~0u, v, d);
        v = o > v ? o : v;
    }
    return v;
}

extern "C" __global__ void argmax(unsigned *out, const float *in, int cols) {
    unsigned long long best = 0;
    for (int i = threadIdx.x; i < cols; i += 32) {
        unsigned long long k = key(in[blockIdx.x * cols + i], i);
        best = k > best ? k : best;
    }
    best = warp_best(best);
    if (threadIdx.x == 0) out[blockIdx.x] = ~(unsigned)best;
}

extern "C" __global__ void topk(float *values, unsigned *places, const float *in, int cols, int k) {
    unsigned long long limit = ~0ull;
    for (int r = 0; r < k; r++) {
        unsigned long long best = 0;
        for (int i = threadIdx.x; i < cols; i += 32) {
            unsigned long long c = key(in[blockIdx.x * cols + i], i);
            if (c < limit && c > best) best = c;
        }
        limit = best = warp_best(best);
        if (threadIdx.x == 0) {
            places[blockIdx.x * k + r] = ~(unsigned)best;
            values[blockIdx.x * k + r] = in[blockIdx.x * cols + ~(unsigned)best];
        }
    }
}
