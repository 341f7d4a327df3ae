// C = A B^T in bf16 as fast as we can: persistent CTAs, one warp group that loads through a ring of
// stages, two that multiply, C through shared memory and TMA. After the published ladders of
// Hopper GEMMs (fast.cu, CUTLASS): TMA + wgmma, wide tiles, specialised warp groups, stmatrix.

#include "wgmma.cuh"

#define BM 128
#define BK 64
#define CHUNK 64 // columns of C that one TMA store takes: 128 bytes

// Four matrices of 8 x 8 go to the rows that the lanes name.
__device__ inline void stmatrix(unsigned at, unsigned a, unsigned b, unsigned c, unsigned d) {
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared::cta.b16 [%0], {%1, %2, %3, %4};" ::"r"(at),
                 "r"(a), "r"(b), "r"(c), "r"(d)
                 : "memory");
}

__device__ inline unsigned pack(float lo, float hi) {
    unsigned r;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
    return r;
}

__device__ inline void store_async(const CUtensorMap *map, const void *from, int x, int y) {
    asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group"
                 " [%0, {%2, %3}], [%1];" ::"l"(map),
                 "r"(shared_address(from)), "r"(x), "r"(y)
                 : "memory");
}

// The same, but adds to what is there.
__device__ inline void add_async(const CUtensorMap *map, const void *from, int x, int y) {
    asm volatile("cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.tile.bulk_group"
                 " [%0, {%2, %3}], [%1];" ::"l"(map),
                 "r"(shared_address(from)), "r"(x), "r"(y)
                 : "memory");
}

// The tile of C that comes n-th: eight rows of tiles together, so that operands stay in L2.
__device__ inline void tile_at(int n, int rows, int cols, int &row, int &col) {
    const int band = 8;
    int per = band * cols, b = n / per, first = b * band;
    int high = min(rows - first, band), r = n % per;
    row = first + r % high;
    col = r / high;
}

// Tells the loaders of all CTAs whose data the stage held that it may be filled again.
template <int CLUSTER> __device__ inline void release(unsigned long long *empty) {
    unsigned t = threadIdx.x % 128;
    if (CLUSTER == 1 && t == 0) mbarrier_arrive(empty);
    if (CLUSTER > 1 && t < CLUSTER) mbarrier_arrive_at(empty, t);
}

// CLUSTER CTAs, one under another in C, want the same tile of B: each loads its share for all.
template <int BN, int STAGES, int CLUSTER, bool SPLIT>
__device__ inline void gemm(const CUtensorMap *c, const CUtensorMap *a, const CUtensorMap *b,
                            int rows, int cols, int steps, int batch, int splits) {
    extern __shared__ __align__(1024) __nv_bfloat16 smem[];
    __shared__ unsigned long long full[STAGES], empty[STAGES];
    constexpr int OUT = BN < 128 ? BN : 128;
    __nv_bfloat16 *sa = smem, *sb = sa + STAGES * BM * BK, *sc = sb + STAGES * BN * BK;
    if (threadIdx.x == 0) {
        for (int s = 0; s < STAGES; s++) {
            mbarrier_init(full + s, 1);
            mbarrier_init(empty + s, 2 * CLUSTER);
        }
        fence_barrier_init();
    }
    if (CLUSTER > 1)
        cluster_sync();
    else
        __syncthreads();
    // A cluster takes CLUSTER rows of tiles of one column: rows counts them together.
    unsigned rank = CLUSTER > 1 ? cluster_rank() : 0;
    rows /= CLUSTER;
    int first = blockIdx.x / CLUSTER, stride = gridDim.x / CLUSTER;
    if (!SPLIT) splits = 1;
    steps /= splits;
    int group = threadIdx.x / 128, tiles = rows * cols * splits, s = 0, phase = 0;
    if (group == 0) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
        if (threadIdx.x != 0) return;
        for (int t = first; t < tiles; t += stride) {
            int row, col;
            tile_at(t / splits, rows, cols, row, col);
            row = row * CLUSTER + rank;
            int from = t % splits * steps * BK;
            for (int i = 0; i < steps; i++) {
                mbarrier_wait(empty + s, phase ^ 1);
                mbarrier_expect(full + s, (BM + BN) * BK * 2);
                tma_load(sa + s * BM * BK, a, full + s, from + i * BK, row * BM);
                __nv_bfloat16 *to = sb + (s * BN + rank * BN / CLUSTER) * BK;
                int y = (row / batch * cols + col) * BN + rank * BN / CLUSTER;
                if (CLUSTER > 1)
                    tma_load_multicast(to, b, full + s, from + i * BK, y, (1 << CLUSTER) - 1);
                else
                    tma_load(to, b, full + s, from + i * BK, y);
                if (++s == STAGES) s = 0, phase ^= 1;
            }
        }
        return;
    }
    asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
    int lane = threadIdx.x % 32, warp = threadIdx.x % 128 / 32, half = group - 1;
    bool leader = threadIdx.x % 128 == 0;
    for (int t = first; t < tiles; t += stride) {
        float d[BN / 2] = {};
        for (int i = 0; i < steps; i++) {
            mbarrier_wait(full + s, phase);
            unsigned long long da = descriptor(sa + s * BM * BK + half * 64 * BK);
            unsigned long long db = descriptor(sb + s * BN * BK);
            wgmma_fence();
#pragma unroll
            for (int k = 0; k < BK / 16; k++) wgmma_step(d, da + k * 2, db + k * 2, 1);
            wgmma_commit();
            asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
            if (i > 0) release<CLUSTER>(empty + (s + STAGES - 1) % STAGES);
            if (++s == STAGES) s = 0, phase ^= 1;
        }
        wgmma_wait();
        release<CLUSTER>(empty + (s + STAGES - 1) % STAGES);

        // The tile goes out through shared memory as TMA stores want it: chunks of 64 columns,
        // 128-byte rows swizzled, at most OUT columns at a time. The last store must have read it.
        __nv_bfloat16 *out = sc + half * 64 * OUT;
        int row, col, r = warp * 16 + lane % 16;
        tile_at(t / splits, rows, cols, row, col);
        row = row * CLUSTER + rank;
        unsigned at = shared_address(out) + r * 128;
#pragma unroll
        for (int h = 0; h < BN; h += OUT) {
            if (leader) asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory");
            asm volatile("bar.sync %0, 128;" ::"r"(half + 1) : "memory");
#pragma unroll
            for (int j = 0; j < OUT / 16; j++) {
                const float *v = d + h / 2 + 8 * j;
                unsigned chunk = j / 4 * 64 * 128, piece = (j % 4 * 2 + lane / 16) ^ (r & 7);
                stmatrix(at + chunk + piece * 16, pack(v[0], v[1]), pack(v[2], v[3]),
                         pack(v[4], v[5]), pack(v[6], v[7]));
            }
            fence_async();
            asm volatile("bar.sync %0, 128;" ::"r"(half + 1) : "memory");
            if (leader) {
                for (int j = 0; j < OUT / CHUNK; j++) {
                    int x = col * BN + h + j * CHUNK, y = row * BM + half * 64;
                    if (SPLIT)
                        add_async(c, out + j * 64 * CHUNK, x, y);
                    else
                        store_async(c, out + j * 64 * CHUNK, x, y);
                }
                asm volatile("cp.async.bulk.commit_group;");
            }
        }
    }
    if (leader) asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
    if (CLUSTER > 1) cluster_sync(); // nobody leaves while others may tell it that a stage is empty
}

// Names by the columns of a tile and the CTAs of a cluster; an s says that k is split among CTAs,
// which add to C. c, a and b are maps of C (boxes of 64 x 64), A (128 x 64) and B (a CTA's share of
// the columns x 64); rows and cols count tiles, steps pieces of 64 of k. Products of a batch lie one
// under the other, each of so many rows of tiles.
#define KERNEL(NAME, BN, STAGES, CLUSTER, SPLIT)                                                   \
    extern "C" __global__ void __cluster_dims__(CLUSTER, 1, 1) __launch_bounds__(384, 1)           \
        NAME(const __grid_constant__ CUtensorMap c, const __grid_constant__ CUtensorMap a,         \
             const __grid_constant__ CUtensorMap b, int rows, int cols, int steps, int batch,      \
             int splits) {                                                                         \
        gemm<BN, STAGES, CLUSTER, SPLIT>(&c, &a, &b, rows, cols, steps, batch, splits);            \
    }

KERNEL(gemm256, 256, 4, 1, false)
KERNEL(gemm128, 128, 6, 1, false)
KERNEL(gemm64, 64, 7, 1, false)
KERNEL(gemm256x2, 256, 4, 2, false)
KERNEL(gemm128x2, 128, 6, 2, false)
KERNEL(gemm256x2s, 256, 4, 2, true)
KERNEL(gemm128x2s, 128, 6, 2, true)
