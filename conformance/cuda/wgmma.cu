// Warp group matrix product with plain loads: a block of 128 threads, 64 x 64 of C = A B^T.

#include "hopper.cuh"

// Puts 64 rows of 64 bf16 where the 128 byte swizzle wants them.
__device__ void fill(__nv_bfloat16 *to, const __nv_bfloat16 *from, int k) {
    for (int i = threadIdx.x; i < 64 * 8; i += 128) {
        int r = i / 8, c = i % 8;
        *(uint4 *)(to + r * 64 + (c ^ r % 8) * 8) = *(const uint4 *)(from + (size_t)r * k + c * 8);
    }
}

extern "C" __global__ void __launch_bounds__(128)
    wgmma_plain(float *c, const __nv_bfloat16 *a, const __nv_bfloat16 *b, int n, int k) {
    __shared__ __align__(1024) __nv_bfloat16 sa[64 * 64], sb[64 * 64];
    float d[32] = {};
    a += (size_t)blockIdx.y * 64 * k;
    b += (size_t)blockIdx.x * 64 * k;
    for (int at = 0; at < k; at += 64) {
        fill(sa, a + at, k);
        fill(sb, b + at, k);
        fence_async();
        __syncthreads();
        wgmma_tile(d, sa, sb);
        __syncthreads();
    }
    store_tile(c + (size_t)blockIdx.y * 64 * n + blockIdx.x * 64, d, n);
}
