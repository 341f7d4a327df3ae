// A product of matrices in f32 or tf32 in steps, each of which removes what held the one before it up:
// C = A B^T, where A has m rows of k and B n rows of k (for the first kernel B is k x n). After a
// public ladder of kernels for the H100; the tiles that it does not name are ours.

#include "wgmma.cuh"

#define TILE 128 // rows and columns of C of a block

// One element a thread.
extern "C" __global__ void __launch_bounds__(1024)
    ladder_naive(float *c, const float *a, const float *b, int n, int k) {
    int row = blockIdx.y * 32 + threadIdx.x / 32, col = blockIdx.x * 32 + threadIdx.x % 32;
    float sum = 0;
    for (int i = 0; i < k; i++) sum += a[(size_t)row * k + i] * b[(size_t)i * n + col];
    c[(size_t)row * n + col] = sum;
}

__device__ inline void mma(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
                 "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Eight of k for a warp's 64 x 32, from rows that are so many elements apart.
__device__ inline void step(float (&d)[4][4][4], const float *a, const float *b, size_t apart) {
    unsigned fa[4][4], fb[4][2];
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
        for (int i = 0; i < 4; i++)
            fa[m][i] = __float_as_uint(a[(m * 16 + i % 2 * 8) * apart + i / 2 * 4]);
#pragma unroll
    for (int n = 0; n < 4; n++)
#pragma unroll
        for (int i = 0; i < 2; i++) fb[n][i] = __float_as_uint(b[n * 8 * apart + i * 4]);
#pragma unroll
    for (int m = 0; m < 4; m++)
#pragma unroll
        for (int n = 0; n < 4; n++) mma(d[m][n], fa[m], fb[n]);
}

// Where the elements of a warp begin: eight warps, two of rows by four of columns.
struct Part {
    int row, col;
    __device__ Part() {
        int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
        row = warp / 4 * 64 + lane / 4, col = warp % 4 * 32 + lane / 4;
    }
};

__device__ inline void put(float *c, const float (&d)[4][4][4], const Part &p, int n) {
    int row = blockIdx.y * TILE + p.row, col = blockIdx.x * TILE + p.col / 32 * 32;
#pragma unroll
    for (int i = 0; i < 32; i++) {
        int m = i / 8, j = i / 2 % 4, r = i % 2;
        *(float2 *)(c + (size_t)(row + m * 16 + r * 8) * n + col + j * 8 + threadIdx.x % 4 * 2) =
            make_float2(d[m][j][2 * r], d[m][j][2 * r + 1]);
    }
}

// mma.sync with operands from global memory.
extern "C" __global__ void __launch_bounds__(256, 2)
    ladder_mma(float *c, const float *a, const float *b, int n, int k) {
    Part p;
    float d[4][4][4] = {};
    a += (size_t)(blockIdx.y * TILE + p.row) * k + threadIdx.x % 4;
    b += (size_t)(blockIdx.x * TILE + p.col) * k + threadIdx.x % 4;
    for (int i = 0; i < k; i += 8) step(d, a + i, b + i, k);
    put(c, d, p, n);
}

// A tile's rows of so many columns by cp.async, to rows with a pad that keeps banks apart.
template <int K> __device__ inline void fetch(float *to, const float *from, int k) {
    int row = threadIdx.x / (K / 4), col = threadIdx.x % (K / 4) * 4, apart = 256 / (K / 4);
#pragma unroll
    for (int i = 0; i < TILE * K / 4 / 256; i++, row += apart)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(
                         shared_address(to + row * (K + 4) + col)),
                     "l"(from + (size_t)row * k + col));
}

// mma.sync with operands from shared memory, K columns at a time.
template <int K>
__device__ inline void shared_mma(float *c, const float *a, const float *b, int n, int k) {
    __shared__ __align__(16) float sa[TILE * (K + 4)], sb[TILE * (K + 4)];
    Part p;
    float d[4][4][4] = {};
    a += (size_t)blockIdx.y * TILE * k, b += (size_t)blockIdx.x * TILE * k;
    for (int at = 0; at < k; at += K) {
        fetch<K>(sa, a + at, k);
        fetch<K>(sb, b + at, k);
        asm volatile("cp.async.wait_all;" ::: "memory");
        __syncthreads();
#pragma unroll
        for (int i = 0; i < K; i += 8)
            step(d, sa + p.row * (K + 4) + i + threadIdx.x % 4,
                 sb + p.col * (K + 4) + i + threadIdx.x % 4, K + 4);
        __syncthreads();
    }
    put(c, d, p, n);
}

extern "C" __global__ void __launch_bounds__(256, 2)
    ladder_shared8(float *c, const float *a, const float *b, int n, int k) {
    shared_mma<8>(c, a, b, n, k);
}

extern "C" __global__ void __launch_bounds__(256, 2)
    ladder_shared32(float *c, const float *a, const float *b, int n, int k) {
    shared_mma<32>(c, a, b, n, k);
}

#define K 32 // columns of f32 in a swizzled row of 128 bytes

// A tile's rows by cp.async to where the 128 byte swizzle wants them.
__device__ inline void fetch_swizzled(float *to, const float *from, int k) {
    int r = threadIdx.x / 8, piece = threadIdx.x % 8, at = r * K + (piece ^ r % 8) * 4;
#pragma unroll
    for (int i = 0; i < TILE / 32; i++)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(
                         shared_address(to + i * 32 * K + at)),
                     "l"(from + (size_t)(r + i * 32) * k + piece * 4));
}

template <int N> __device__ inline void multiply(float (&d)[N], const float *a, const float *b) {
    unsigned long long da = descriptor(a), db = descriptor(b);
    wgmma_fence();
#pragma unroll
    for (int i = 0; i < K / 8; i++) wgmma_tf32(d, da + i * 2, db + i * 2);
    wgmma_commit();
}

// The accumulators of a warp group, 64 rows of 2 N columns.
template <int N> __device__ inline void put(float *c, const float (&d)[N], int n) {
    int t = threadIdx.x % 128, row = t / 32 * 16 + t % 32 / 4, col = t % 4 * 2;
#pragma unroll
    for (int i = 0; i < N / 2; i++)
        *(float2 *)(c + (size_t)(row + i % 2 * 8) * n + i / 2 * 8 + col) =
            make_float2(d[i * 2], d[i * 2 + 1]);
}

// wgmma by two warp groups of 64 rows each, on one stage or two.
template <int STAGES>
__device__ inline void wide(float *c, const float *a, const float *b, int n, int k) {
    extern __shared__ __align__(1024) float smem[];
    float *sa = smem, *sb = smem + STAGES * TILE * K, d[64] = {};
    int group = threadIdx.x / 128, row = blockIdx.y * TILE, col = blockIdx.x * TILE, steps = k / K;
    a += (size_t)row * k, b += (size_t)col * k;
    auto load = [&](int i) {
        fetch_swizzled(sa + i % STAGES * TILE * K, a + i * K, k);
        fetch_swizzled(sb + i % STAGES * TILE * K, b + i * K, k);
        asm volatile("cp.async.commit_group;");
    };
    if (STAGES > 1) load(0);
    for (int i = 0; i < steps; i++) {
        if (STAGES == 1) load(i);
        asm volatile("cp.async.wait_group 0;" ::: "memory");
        fence_async();
        __syncthreads();
        multiply(d, sa + i % STAGES * TILE * K + group * 64 * K, sb + i % STAGES * TILE * K);
        if (STAGES > 1 && i + 1 < steps) load(i + 1);
        wgmma_wait();
        __syncthreads();
    }
    put(c + (size_t)(row + group * 64) * n + col, d, n);
}

extern "C" __global__ void __launch_bounds__(256)
    ladder_wgmma(float *c, const float *a, const float *b, int n, int k) {
    wide<1>(c, a, b, n, k);
}

extern "C" __global__ void __launch_bounds__(256)
    ladder_double(float *c, const float *a, const float *b, int n, int k) {
    wide<2>(c, a, b, n, k);
}

// TMA: a thread keeps three stages under way. Boxes are 128 x 32 and COLS x 32.
template <int COLS>
__device__ inline void by_tma(float *c, const CUtensorMap *a, const CUtensorMap *b, int n, int k) {
    const int stages = 3;
    extern __shared__ __align__(1024) float smem[];
    __shared__ unsigned long long full[stages];
    float *sa = smem, *sb = smem + stages * TILE * K, d[COLS / 2] = {};
    int group = threadIdx.x / 128, row = blockIdx.y * TILE, col = blockIdx.x * COLS, steps = k / K;
    auto load = [&](int i) {
        int s = i % stages;
        mbarrier_expect(full + s, (TILE + COLS) * K * 4);
        tma_load(sa + s * TILE * K, a, full + s, i * K, row);
        tma_load(sb + s * COLS * K, b, full + s, i * K, col);
    };
    if (threadIdx.x == 0) {
        for (int s = 0; s < stages; s++) mbarrier_init(full + s, 1);
        fence_barrier_init();
        for (int i = 0; i < min(stages, steps); i++) load(i);
    }
    __syncthreads();
    for (int i = 0; i < steps; i++) {
        int s = i % stages;
        mbarrier_wait(full + s, i / stages & 1);
        multiply(d, sa + s * TILE * K + group * 64 * K, sb + s * COLS * K);
        wgmma_wait();
        __syncthreads();
        if (threadIdx.x == 0 && i + stages < steps) load(i + stages);
    }
    put(c + (size_t)(row + group * 64) * n + col, d, n);
}

extern "C" __global__ void __launch_bounds__(256)
    ladder_tma(float *c, const __grid_constant__ CUtensorMap a,
               const __grid_constant__ CUtensorMap b, int n, int k) {
    by_tma<128>(c, &a, &b, n, k);
}

extern "C" __global__ void __launch_bounds__(256)
    ladder_tma_wide(float *c, const __grid_constant__ CUtensorMap a,
                    const __grid_constant__ CUtensorMap b, int n, int k) {
    by_tma<256>(c, &a, &b, n, k);
}
