// Tensor memory accelerator: copies of tiles, and matrix products fed by it.

#include "hopper.cuh"

// Copies a matrix of floats tile by tile (32 x 32), through shared memory, adding one.
extern "C" __global__ void tma_copy(const __grid_constant__ CUtensorMap out,
                                    const __grid_constant__ CUtensorMap in) {
    __shared__ __align__(128) float tile[32 * 32];
    __shared__ unsigned long long bar;
    int x = blockIdx.x * 32, y = blockIdx.y * 32;
    if (threadIdx.x == 0) {
        mbarrier_init(&bar, 1);
        fence_barrier_init();
        mbarrier_expect(&bar, sizeof tile);
        tma_load(tile, &in, &bar, x, y);
    }
    __syncthreads();
    mbarrier_wait(&bar, 0);
    for (int i = threadIdx.x; i < 32 * 32; i += blockDim.x) tile[i] += 1.0f;
    fence_async();
    __syncthreads();
    if (threadIdx.x == 0) tma_store(&out, tile, x, y);
}

// C = A B^T in bf16, 64 x 64 a block, one tile of k at a time.
extern "C" __global__ void __launch_bounds__(128)
    tma_gemm(float *c, const __grid_constant__ CUtensorMap a, const __grid_constant__ CUtensorMap b,
             int n, int k) {
    __shared__ __align__(1024) __nv_bfloat16 sa[64 * 64], sb[64 * 64];
    __shared__ unsigned long long bar;
    if (threadIdx.x == 0) {
        mbarrier_init(&bar, 1);
        fence_barrier_init();
    }
    __syncthreads();
    float d[32] = {};
    for (int at = 0; at < k; at += 64) {
        if (threadIdx.x == 0) {
            mbarrier_expect(&bar, sizeof sa + sizeof sb);
            tma_load(sa, &a, &bar, at, blockIdx.y * 64);
            tma_load(sb, &b, &bar, at, blockIdx.x * 64);
        }
        mbarrier_wait(&bar, at / 64 & 1);
        wgmma_tile(d, sa, sb);
        __syncthreads();
    }
    store_tile(c + (size_t)blockIdx.y * 64 * n + blockIdx.x * 64, d, n);
}

#define STAGES 4

// The same, specialised: one warp group loads, two compute 64 rows each, and barriers say which
// stages are full and which are empty. Registers go from the loader to the others.
extern "C" __global__ void __launch_bounds__(384)
    tma_gemm_specialised(float *c, const __grid_constant__ CUtensorMap a,
                         const __grid_constant__ CUtensorMap b, int n, int k) {
    extern __shared__ __align__(1024) __nv_bfloat16 smem[];
    __shared__ unsigned long long full[STAGES], empty[STAGES];
    __nv_bfloat16 *sa = smem, *sb = smem + STAGES * 128 * 64;
    if (threadIdx.x == 0) {
        for (int s = 0; s < STAGES; s++) {
            mbarrier_init(full + s, 1);
            mbarrier_init(empty + s, 2);
        }
        fence_barrier_init();
    }
    __syncthreads();
    int group = threadIdx.x / 128;
    if (group == 0) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
        if (threadIdx.x == 0)
            for (int i = 0; i < k / 64; i++) {
                int s = i % STAGES;
                mbarrier_wait(empty + s, (i / STAGES & 1) ^ 1);
                mbarrier_expect(full + s, (128 + 64) * 64 * 2);
                tma_load(sa + s * 128 * 64, &a, full + s, i * 64, blockIdx.y * 128);
                tma_load(sa + s * 128 * 64 + 64 * 64, &a, full + s, i * 64, blockIdx.y * 128 + 64);
                tma_load(sb + s * 64 * 64, &b, full + s, i * 64, blockIdx.x * 64);
            }
        return;
    }
    asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
    float d[32] = {};
    for (int i = 0; i < k / 64; i++) {
        int s = i % STAGES;
        mbarrier_wait(full + s, i / STAGES & 1);
        wgmma_tile(d, sa + s * 128 * 64 + (group - 1) * 64 * 64, sb + s * 64 * 64);
        if (threadIdx.x % 128 == 0) mbarrier_arrive(empty + s);
    }
    size_t row = blockIdx.y * 128 + (group - 1) * 64;
    store_tile(c + row * n + blockIdx.x * 64, d, n);
}

// Two CTAs of a cluster want the same tile of B: each loads half of it for both.
extern "C" __global__ void __cluster_dims__(1, 2, 1) __launch_bounds__(128)
    tma_gemm_multicast(float *c, const __grid_constant__ CUtensorMap a,
                       const __grid_constant__ CUtensorMap b, int n, int k) {
    __shared__ __align__(1024) __nv_bfloat16 sa[64 * 64], sb[64 * 64];
    __shared__ unsigned long long full, empty;
    unsigned rank = cluster_rank();
    if (threadIdx.x == 0) {
        mbarrier_init(&full, 1);
        mbarrier_init(&empty, 2);
        fence_barrier_init();
    }
    cluster_sync();
    float d[32] = {};
    for (int i = 0; i < k / 64; i++) {
        if (threadIdx.x == 0) {
            if (i > 0) mbarrier_wait(&empty, i - 1 & 1);
            mbarrier_expect(&full, sizeof sa + sizeof sb);
            tma_load(sa, &a, &full, i * 64, blockIdx.y * 64);
            tma_load_multicast(sb + rank * 32 * 64, &b, &full, i * 64,
                               blockIdx.x * 64 + rank * 32, 3);
        }
        mbarrier_wait(&full, i & 1);
        wgmma_tile(d, sa, sb);
        __syncthreads();
        if (threadIdx.x < 2) mbarrier_arrive_at(&empty, threadIdx.x);
    }
    store_tile(c + (size_t)blockIdx.y * 64 * n + blockIdx.x * 64, d, n);
    cluster_sync();
}
