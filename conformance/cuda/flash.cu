// FlashAttention-2 (Dao 2023) for one head of 64 dimensions in f16: a block of 4 warps takes 64
// queries, 16 a warp; keys and values come in tiles of 64 by cp.async, two in flight.

#include <cuda_fp16.h>

#define TILE 64
#define DIM 64
#define ROW 72 // halves of a row in shared memory: 8 more, so that ldmatrix meets no bank twice

__device__ unsigned shared_address(const void *p) { return __cvta_generic_to_shared(p); }

__device__ void fetch(half *to, const half *from) {
    for (int i = threadIdx.x; i < TILE * DIM / 8; i += blockDim.x) {
        unsigned at = shared_address(to + i / 8 * ROW + i % 8 * 8);
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(at), "l"(from + i * 8));
    }
    asm volatile("cp.async.commit_group;");
}

__device__ void ldmatrix(unsigned (&r)[4], const half *p) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(p)));
}

__device__ void ldmatrix_trans(unsigned (&r)[4], const half *p) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(shared_address(p)));
}

__device__ void mma(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                 "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

__device__ unsigned pack(float x, float y) {
    half2 h = __floats2half2_rn(x, y);
    return *(unsigned *)&h;
}

__device__ float exp2_approx(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

extern "C" __global__ void __launch_bounds__(128)
    flash(half *out, const half *q, const half *k, const half *v, int len, float scale_log2) {
    extern __shared__ half smem[];
    half *sq = smem, *sk = sq + TILE * ROW, *sv = sk + 2 * TILE * ROW;
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    q += (size_t)blockIdx.x * TILE * DIM;
    fetch(sq, q);
    fetch(sk, k);
    fetch(sv, v);

    float o[DIM / 8][4] = {}, high[2] = {-1e30f, -1e30f}, sum[2] = {};
    unsigned fq[DIM / 16][4];
    for (int t = 0; t < len / TILE; t++) {
        half *kt = sk + t % 2 * TILE * ROW, *vt = sv + t % 2 * TILE * ROW;
        asm volatile("cp.async.wait_all;");
        __syncthreads();
        if (t + 1 < len / TILE) {
            fetch(sk + (t + 1) % 2 * TILE * ROW, k + (t + 1) * TILE * DIM);
            fetch(sv + (t + 1) % 2 * TILE * ROW, v + (t + 1) * TILE * DIM);
        }
        if (t == 0)
            for (int i = 0; i < DIM / 16; i++)
                ldmatrix(fq[i], sq + (warp * 16 + lane % 16) * ROW + i * 16 + lane / 16 * 8);

        float s[TILE / 8][4] = {};
        for (int n = 0; n < TILE / 16; n++)
            for (int i = 0; i < DIM / 16; i++) {
                unsigned b[4];
                ldmatrix(b, kt + (n * 16 + lane % 16) * ROW + i * 16 + lane / 16 * 8);
                mma(s[2 * n], fq[i], b[0], b[2]);
                mma(s[2 * n + 1], fq[i], b[1], b[3]);
            }

        for (int r = 0; r < 2; r++) {
            float top = high[r];
            for (int n = 0; n < TILE / 8; n++)
                top = fmaxf(top, fmaxf(s[n][2 * r], s[n][2 * r + 1]));
            top = fmaxf(top, __shfl_xor_sync(~0u, top, 1));
            top = fmaxf(top, __shfl_xor_sync(~0u, top, 2));
            float shrink = exp2_approx((high[r] - top) * scale_log2);
            high[r] = top;
            sum[r] *= shrink;
            for (int n = 0; n < TILE / 8; n++) {
                for (int i = 2 * r; i < 2 * r + 2; i++) {
                    s[n][i] = exp2_approx((s[n][i] - top) * scale_log2);
                    sum[r] += s[n][i];
                }
            }
            for (int n = 0; n < DIM / 8; n++) {
                o[n][2 * r] *= shrink;
                o[n][2 * r + 1] *= shrink;
            }
        }

        for (int i = 0; i < TILE / 16; i++) {
            unsigned p[4] = {pack(s[2 * i][0], s[2 * i][1]), pack(s[2 * i][2], s[2 * i][3]),
                             pack(s[2 * i + 1][0], s[2 * i + 1][1]),
                             pack(s[2 * i + 1][2], s[2 * i + 1][3])};
            for (int n = 0; n < DIM / 16; n++) {
                unsigned b[4];
                ldmatrix_trans(b, vt + (i * 16 + lane % 16) * ROW + n * 16 + lane / 16 * 8);
                mma(o[2 * n], p, b[0], b[1]);
                mma(o[2 * n + 1], p, b[2], b[3]);
            }
        }
    }

    for (int r = 0; r < 2; r++) {
        sum[r] += __shfl_xor_sync(~0u, sum[r], 1);
        sum[r] += __shfl_xor_sync(~0u, sum[r], 2);
        float scale = 1.0f / sum[r];
        half *row = out + ((size_t)blockIdx.x * TILE + warp * 16 + r * 8 + lane / 4) * DIM;
        for (int n = 0; n < DIM / 8; n++)
            *(unsigned *)(row + n * 8 + lane % 4 * 2) =
                pack(o[n][2 * r] * scale, o[n][2 * r + 1] * scale);
    }
}
