// Atomics: all operations, spaces and scopes. Slots are such that the order does not matter.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

extern "C" __global__ void atomic_ops(unsigned *out, const unsigned *in) {
    unsigned v = in[blockIdx.x * blockDim.x + threadIdx.x];
    atomicAdd(out, v);
    atomicSub(out + 1, v);
    atomicMin(out + 2, v);
    atomicMax(out + 3, v);
    atomicMin((int *)out + 4, (int)v);
    atomicMax((int *)out + 5, (int)v);
    atomicAnd(out + 6, v | 0x10);
    atomicOr(out + 7, v & 0x7fff);
    atomicXor(out + 8, v);
    atomicInc(out + 9, 1000);
    atomicDec(out + 10, 1000);
    atomicAdd_block(out + 11, 1);
    atomicAdd_system(out + 12, 2);
    atomicMax_system(out + 13, v);
    atomicExch(out + 14, 77);
    atomicCAS(out + 15, 0, 99);
}

extern "C" __global__ void atomic_ops64(unsigned long long *out, const unsigned long long *in) {
    unsigned long long v = in[blockIdx.x * blockDim.x + threadIdx.x];
    atomicAdd(out, v);
    atomicMin(out + 1, v);
    atomicMax(out + 2, v);
    atomicMin((long long *)out + 3, (long long)v);
    atomicMax((long long *)out + 4, (long long)v);
    atomicAnd(out + 5, v);
    atomicOr(out + 6, v);
    atomicXor(out + 7, v);
    atomicExch(out + 8, 7ull);
    atomicCAS(out + 9, 0ull, 5ull);
}

// Sums of small integers, exact in any order.
extern "C" __global__ void atomic_floats(float *f, double *d, half2 *h, __nv_bfloat162 *b,
                                         const float *in) {
    __shared__ float s;
    if (threadIdx.x == 0) s = 0;
    __syncthreads();
    float v = in[blockIdx.x * blockDim.x + threadIdx.x];
    atomicAdd(f, v);
    atomicAdd(&s, v);
    atomicAdd(d, (double)v);
    atomicAdd(h, __floats2half2_rn(v, 1));
    atomicAdd(b, __floats2bfloat162_rn(1, threadIdx.x == 0));
    __syncthreads();
    if (threadIdx.x == 0) atomicAdd(f + 1, s);
}

// The largest float and a product modulo a prime, by compare and swap.
extern "C" __global__ void atomic_loop(unsigned *high, unsigned *product, const float *in) {
    float v = in[blockIdx.x * blockDim.x + threadIdx.x];
    unsigned old = *(volatile unsigned *)high, seen;
    while (__uint_as_float(old) < v) {
        seen = atomicCAS(high, old, __float_as_uint(v));
        if (seen == old) break;
        old = seen;
    }
    unsigned factor = 2 + threadIdx.x % 7;
    old = *(volatile unsigned *)product;
    do {
        seen = old;
        old = atomicCAS(product, seen, (unsigned)((unsigned long long)seen * factor % 65521));
    } while (old != seen);
}

// A counter that gives each thread a number of its own; all numbers are marked.
extern "C" __global__ void atomic_tickets(unsigned *count, unsigned char *seen) {
    __shared__ unsigned mine, base;
    if (threadIdx.x == 0) mine = 0;
    __syncthreads();
    unsigned at = atomicAdd(&mine, 1);
    __syncthreads();
    if (threadIdx.x == 0) base = atomicAdd(count, mine);
    __syncthreads();
    seen[base + at] += 1;
}

// Sums of f32 that are too small to be normal: global memory flushes them, shared memory does not.
extern "C" __global__ void atomic_small(float *out, const float *in) {
    __shared__ float s;
    if (threadIdx.x == 0) s = 0;
    __syncthreads();
    float *where[2] = {out, &s};
    atomicAdd(out + 1, in[threadIdx.x]);
    atomicAdd(where[threadIdx.x & 1], in[threadIdx.x]); // by a generic address
    __syncthreads();
    if (threadIdx.x == 0) out[2] = s;
}
