// The forward pass of attention as FlashAttention-2 has it (Dao, 2023) in f16: 128 queries a CTA, 32
// a warp, keys and values in one tile each, of which one is loaded by cp.async while the other is
// multiplied; swizzled shared memory, read by ldmatrix.

#include <cuda_fp16.h>

#define THREADS 128
#define BM 128
#define CHUNK 64 // columns that lie together: 128 bytes of a row

__device__ inline unsigned shared_address(const void *p) { return __cvta_generic_to_shared(p); }

// The place of 8 columns of a row in a tile of so many rows.
template <int ROWS> __device__ inline half *place(half *tile, int row, int eight) {
    return tile + eight / 8 * ROWS * CHUNK + row * CHUNK + (eight % 8 ^ row % 8) * 8;
}

template <int ROWS, int D> __device__ inline void fetch(half *to, const half *from) {
#pragma unroll
    for (int i = 0; i < ROWS * D / 8 / THREADS; i++) {
        int at = i * THREADS + threadIdx.x, row = at / (D / 8), eight = at % (D / 8);
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(
                         shared_address(place<ROWS>(to, row, eight))),
                     "l"(from + row * D + eight * 8));
    }
    asm volatile("cp.async.commit_group;");
}

__device__ inline void arrived() {
    asm volatile("cp.async.wait_group 0;" ::: "memory");
    __syncthreads();
}

__device__ inline void ldmatrix(unsigned (&r)[4], const half *p) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(p)));
}

__device__ inline void ldmatrix_trans(unsigned (&r)[4], const half *p) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(p)));
}

__device__ inline void mma(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                 "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ inline unsigned pack(float x, float y) {
    half2 h = __floats2half2_rn(x, y);
    return *(unsigned *)&h;
}

__device__ inline float exp2_approx(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

// A thread's rows of the scores: two of each of its warp's two tiles of 16.
struct Rows {
    float high[2][2], sum[2][2];
};

// Products take their operands from registers that were loaded a step of k before.
template <int BN, int D>
__device__ inline void scores(float (&s)[2][BN / 8][4], half *q, half *k, int warp, int lane) {
    unsigned a[2][2][4], b[2][BN / 16][4];
    auto load = [&](int i) {
#pragma unroll
        for (int m = 0; m < 2; m++)
            ldmatrix(a[i % 2][m], place<BM>(q, m * 64 + warp * 16 + lane % 16, i * 2 + lane / 16));
#pragma unroll
        for (int n = 0; n < BN / 16; n++)
            ldmatrix(b[i % 2][n], place<BN>(k, n * 16 + lane % 16, i * 2 + lane / 16));
    };
    load(0);
#pragma unroll
    for (int i = 0; i < D / 16; i++) {
        if (i + 1 < D / 16) load(i + 1);
#pragma unroll
        for (int n = 0; n < BN / 16; n++)
#pragma unroll
            for (int m = 0; m < 2; m++) {
                mma(s[m][2 * n], a[i % 2][m], b[i % 2][n][0], b[i % 2][n][2]);
                mma(s[m][2 * n + 1], a[i % 2][m], b[i % 2][n][1], b[i % 2][n][3]);
            }
    }
}

// Exponentials in place of scores, and earlier results by what they shrink.
template <int BN, int D>
__device__ inline void softmax(float (&s)[2][BN / 8][4], float (&o)[2][D / 8][4], Rows &w,
                               float scale) {
#pragma unroll
    for (int m = 0; m < 2; m++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
            float top = w.high[m][r];
#pragma unroll
            for (int i = 0; i < BN / 4; i++) top = fmaxf(top, s[m][i / 2][2 * r + i % 2]);
            top = fmaxf(top, __shfl_xor_sync(~0u, top, 2));
            top = fmaxf(top, __shfl_xor_sync(~0u, top, 1));
            float shrink = exp2_approx((w.high[m][r] - top) * scale), low = top * scale;
            w.high[m][r] = top;
            w.sum[m][r] *= shrink;
#pragma unroll
            for (int i = 0; i < D / 4; i++) o[m][i / 2][2 * r + i % 2] *= shrink;
#pragma unroll
            for (int i = 0; i < BN / 4; i++) {
                float &x = s[m][i / 2][2 * r + i % 2];
                x = exp2_approx(x * scale - low);
            }
#pragma unroll
            for (int i = 0; i < BN / 4; i++) w.sum[m][r] += s[m][i / 2][2 * r + i % 2];
        }
}

template <int BN, int D>
__device__ inline void weigh(float (&o)[2][D / 8][4], const float (&s)[2][BN / 8][4], half *v,
                             int lane) {
    unsigned b[2][D / 16][4];
    auto load = [&](int i) {
#pragma unroll
        for (int n = 0; n < D / 16; n++)
            ldmatrix_trans(b[i % 2][n], place<BN>(v, i * 16 + lane % 16, n * 2 + lane / 16));
    };
    load(0);
#pragma unroll
    for (int i = 0; i < BN / 16; i++) {
        if (i + 1 < BN / 16) load(i + 1);
        unsigned p[2][4];
#pragma unroll
        for (int m = 0; m < 2; m++)
#pragma unroll
            for (int j = 0; j < 4; j++)
                p[m][j] = pack(s[m][2 * i + j / 2][j % 2 * 2], s[m][2 * i + j / 2][j % 2 * 2 + 1]);
#pragma unroll
        for (int n = 0; n < D / 16; n++)
#pragma unroll
            for (int m = 0; m < 2; m++) {
                mma(o[m][2 * n], p[m], b[i % 2][n][0], b[i % 2][n][1]);
                mma(o[m][2 * n + 1], p[m], b[i % 2][n][2], b[i % 2][n][3]);
            }
    }
}

template <int BN, int D, bool CAUSAL>
__device__ inline void attend(half *out, const half *q, const half *k, const half *v, int len,
                              float scale) {
    extern __shared__ __align__(128) half smem[];
    half *sq = smem, *sk = sq + BM * D, *sv = sk + BN * D;
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, first = blockIdx.x * BM;
    size_t head = (size_t)blockIdx.y * len * D;
    q += head + first * D, out += head + first * D, k += head, v += head;
    int tiles = ((CAUSAL ? min(first + BM, len) : len) + BN - 1) / BN;
    fetch<BM, D>(sq, q);
    fetch<BN, D>(sk, k + (tiles - 1) * BN * D);
    float o[2][D / 8][4] = {};
    Rows w;
    for (int i = 0; i < 4; i++) w.high[i / 2][i % 2] = -1e30f, w.sum[i / 2][i % 2] = 0;
    for (int t = tiles - 1; t >= 0; t--) {
        arrived();
        fetch<BN, D>(sv, v + t * BN * D);
        float s[2][BN / 8][4] = {};
        scores<BN, D>(s, sq, sk, warp, lane);
        if (CAUSAL && (t + 1) * BN > first)
#pragma unroll
            for (int i = 0; i < BN; i++) {
                int m = i / (BN / 2), n = i % (BN / 2) / 4, j = i % 4;
                int row = first + m * 64 + warp * 16 + lane / 4 + j / 2 * 8;
                if (t * BN + n * 8 + lane % 4 * 2 + j % 2 > row) s[m][n][j] = -1e30f;
            }
        arrived();
        if (t > 0) fetch<BN, D>(sk, k + (t - 1) * BN * D);
        softmax<BN, D>(s, o, w, scale);
        weigh<BN, D>(o, s, sv, lane);
    }
#pragma unroll
    for (int m = 0; m < 2; m++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
            float sum = w.sum[m][r];
            sum += __shfl_xor_sync(~0u, sum, 2);
            sum += __shfl_xor_sync(~0u, sum, 1);
            float by;
            asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(by) : "f"(sum));
#pragma unroll
            for (int n = 0; n < D / 8; n++)
                *(unsigned *)(place<BM>(sq, m * 64 + warp * 16 + r * 8 + lane / 4, n) +
                              lane % 4 * 2) =
                    pack(o[m][n][2 * r] * by, o[m][n][2 * r + 1] * by);
        }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < BM * D / 8 / THREADS; i++) {
        int at = i * THREADS + threadIdx.x, row = at / (D / 8), eight = at % (D / 8);
        *(uint4 *)(out + row * D + eight * 8) = *(uint4 *)place<BM>(sq, row, eight);
    }
}

// The grid is tiles of queries by heads; len is a multiple of both tiles. Sizes as in the paper's
// code for the A100 and H100.
#define KERNEL(NAME, D, BN, CAUSAL)                                                                \
    extern "C" __global__ void __launch_bounds__(THREADS)                                          \
        NAME(half *out, const half *q, const half *k, const half *v, int len, float scale) {       \
        attend<BN, D, CAUSAL>(out, q, k, v, len, scale);                                           \
    }

KERNEL(flash64, 64, 128, false)
KERNEL(flash64_causal, 64, 128, true)
KERNEL(flash128, 128, 64, false)
KERNEL(flash128_causal, 128, 64, true)
