// Random numbers that depend on nothing but a counter, and what is made of them.

// Philox 4x32-10 (Salmon et al., SC 2011).
__device__ uint4 philox(uint4 c, uint2 k) {
    for (int r = 0; r < 10; r++) {
        unsigned h0 = __umulhi(0xD2511F53u, c.x), h1 = __umulhi(0xCD9E8D57u, c.z);
        c = make_uint4(h1 ^ c.y ^ k.x, 0xCD9E8D57u * c.z, h0 ^ c.w ^ k.y, 0xD2511F53u * c.x);
        k.x += 0x9E3779B9u;
        k.y += 0xBB67AE85u;
    }
    return c;
}

extern "C" __global__ void philox_fill(uint4 *out, uint2 key) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = philox(make_uint4(i, i >> 3, 7, 0), key);
}

// How many of the points fall into the quarter of a circle.
extern "C" __global__ void pi(unsigned long long *hits, int rounds) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x, in = 0;
    for (int r = 0; r < rounds; r++) {
        uint4 v = philox(make_uint4(i, r, 0, 0), make_uint2(1, 2));
        unsigned long long x = v.x >> 1, y = v.y >> 1;
        in += x * x + y * y < 1ull << 62;
    }
    in = __reduce_add_sync(~0u, in);
    if (threadIdx.x % 32 == 0) atomicAdd(hits, in);
}

// Normal numbers (Box and Muller), and dropout by a threshold.
extern "C" __global__ void normal(float2 *out, uint2 key) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    uint4 v = philox(make_uint4(i, 0, 0, 0), key);
    float u = (v.x + 0.5f) * 2.3283064e-10f, angle = v.y * 1.4629181e-9f;
    float r = sqrtf(-2.0f * __logf(u));
    out[i] = make_float2(r * __cosf(angle), r * __sinf(angle));
}

extern "C" __global__ void dropout(float *out, unsigned *mask, const float *in, unsigned keep,
                                   float scale) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    bool stay = philox(make_uint4(i, 0, 0, 1), make_uint2(3, 4)).x < keep;
    unsigned m = __ballot_sync(~0u, stay);
    out[i] = stay ? __fmul_rn(in[i], scale) : 0.0f;
    if (threadIdx.x % 32 == 0) mask[i / 32] = m;
}
