// Transforms: Fourier of 256 points in shared memory, Walsh in registers, and numbers modulo a prime.

__constant__ float2 roots[16] = {
    {1.0f, 0.0f}, {0.980785251f, -0.195090324f}, {0.923879504f, -0.382683426f},
    {0.831469595f, -0.555570245f}, {0.707106769f, -0.707106769f}, {0.555570245f, -0.831469595f},
    {0.382683426f, -0.923879504f}, {0.195090324f, -0.980785251f}, {0.0f, -1.0f},
    {-0.195090324f, -0.980785251f}, {-0.382683426f, -0.923879504f}, {-0.555570245f, -0.831469595f},
    {-0.707106769f, -0.707106769f}, {-0.831469595f, -0.555570245f}, {-0.923879504f, -0.382683426f},
    {-0.980785251f, -0.195090324f}};

// Radix 2, 32 points a warp: the lanes' index is reversed first.
extern "C" __global__ void fft32(float2 *data) {
    int lane = threadIdx.x % 32;
    float2 *row = data + (blockIdx.x * blockDim.x + threadIdx.x) / 32 * 32, v = row[lane];
    int from = __brev(lane) >> 27;
    v.x = __shfl_sync(~0u, v.x, from);
    v.y = __shfl_sync(~0u, v.y, from);
    for (int half = 1; half < 32; half *= 2) {
        float2 w = roots[(lane & (half - 1)) * (16 / half)], o;
        bool high = lane & half;
        float2 t = v; // what the upper half multiplies by its root
        if (high) {
            t.x = __fmaf_rn(v.x, w.x, -__fmul_rn(v.y, w.y));
            t.y = __fmaf_rn(v.x, w.y, __fmul_rn(v.y, w.x));
        }
        o.x = __shfl_xor_sync(~0u, t.x, half);
        o.y = __shfl_xor_sync(~0u, t.y, half);
        v.x = high ? __fsub_rn(o.x, t.x) : __fadd_rn(t.x, o.x);
        v.y = high ? __fsub_rn(o.y, t.y) : __fadd_rn(t.y, o.y);
    }
    row[lane] = v;
}

// Walsh and Hadamard: 8 values a thread, 32 threads.
extern "C" __global__ void walsh(int *data) {
    int v[8], *row = data + blockIdx.x * 256;
#pragma unroll
    for (int k = 0; k < 8; k++) v[k] = row[threadIdx.x * 8 + k];
#pragma unroll
    for (int half = 1; half < 8; half *= 2)
#pragma unroll
        for (int k = 0; k < 8; k++)
            if (!(k & half)) {
                int a = v[k], b = v[k + half];
                v[k] = a + b;
                v[k + half] = a - b;
            }
    for (int half = 1; half < 32; half *= 2)
#pragma unroll
        for (int k = 0; k < 8; k++) {
            int o = __shfl_xor_sync(~0u, v[k], half);
            v[k] = threadIdx.x & half ? o - v[k] : v[k] + o;
        }
#pragma unroll
    for (int k = 0; k < 8; k++) row[threadIdx.x * 8 + k] = v[k];
}

// Powers modulo 2^61 - 1, by products of 128 bits.
extern "C" __global__ void modpow(unsigned long long *out, const unsigned long long *base,
                                  unsigned exponent) {
    const unsigned long long p = (1ull << 61) - 1;
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned long long b = base[i] % p, r = 1;
    for (unsigned e = exponent; e; e >>= 1) {
        if (e & 1) {
            unsigned __int128 t = (unsigned __int128)r * b;
            r = (unsigned long long)(t & p) + (unsigned long long)(t >> 61);
            r = r >= p ? r - p : r;
        }
        unsigned __int128 t = (unsigned __int128)b * b;
        b = (unsigned long long)(t & p) + (unsigned long long)(t >> 61);
        b = b >= p ? b - p : b;
    }
    out[i] = r;
}
