// f16 matrix product whose tiles come by cp.async, in four stages: while one is computed, three are
// on their way. Swizzled by exclusive or, so that rows need no padding.

#include <cuda_fp16.h>

#define STAGES 4
#define TM 64
#define TN 64
#define TK 32

__device__ unsigned place(int row, int chunk) { // bytes; 4 chunks of 16 a row
    return row * 64 + ((chunk ^ row / 2 % 4) * 16);
}

__device__ void load_stage(unsigned to, const half *a, const half *b, int k) {
    for (int i = threadIdx.x; i < TM * 4; i += blockDim.x) {
        int r = i / 4, c = i % 4;
        asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(to + place(r, c)),
                     "l"(a + (size_t)r * k + c * 8));
        asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" ::"r"(to + TM * 64 + place(r, c)),
                     "l"(b + (size_t)r * k + c * 8));
    }
}

__device__ void ldmatrix(unsigned (&r)[4], unsigned at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(at));
}

// C (m x n) = A (m x k) B^T (n x k); 4 warps of 32 x 32.
extern "C" __global__ void __launch_bounds__(128)
    gemm_pipeline(half *c, const half *a, const half *b, int n, int k) {
    extern __shared__ __align__(128) char smem[];
    unsigned base = __cvta_generic_to_shared(smem);
    const unsigned stage = (TM + TN) * TK * 2;
    int t = threadIdx.x, lane = t % 32, wm = t / 64 * 32, wn = t / 32 % 2 * 32;
    a += (size_t)blockIdx.y * TM * k;
    b += (size_t)blockIdx.x * TN * k;
    for (int s = 0; s < STAGES - 1; s++) {
        if (s * TK < k) load_stage(base + s * stage, a + s * TK, b + s * TK, k);
        asm volatile("cp.async.commit_group;");
    }
    float acc[2][4][4] = {};
    for (int i = 0; i < k / TK; i++) {
        asm volatile("cp.async.wait_group %0;" ::"n"(STAGES - 2));
        __syncthreads();
        int next = i + STAGES - 1;
        if (next * TK < k)
            load_stage(base + next % STAGES * stage, a + next * TK, b + next * TK, k);
        asm volatile("cp.async.commit_group;");
        unsigned sa = base + i % STAGES * stage, sb = sa + TM * 64;
        for (int s = 0; s < 2; s++) {
            unsigned fa[2][4], fb[2][4];
            for (int j = 0; j < 2; j++) {
                ldmatrix(fa[j], sa + place(wm + j * 16 + lane % 16, s * 2 + lane / 16));
                ldmatrix(fb[j], sb + place(wn + j * 16 + lane % 16, s * 2 + lane / 16));
            }
            for (int x = 0; x < 2; x++)
                for (int y = 0; y < 4; y++) {
                    float *d = acc[x][y];
                    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                                 "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                                 : "r"(fa[x][0]), "r"(fa[x][1]), "r"(fa[x][2]), "r"(fa[x][3]),
                                   "r"(fb[y / 2][y % 2]), "r"(fb[y / 2][y % 2 + 2]));
                }
        }
    }
    for (int x = 0; x < 2; x++)
        for (int y = 0; y < 4; y++)
            for (int r = 0; r < 2; r++) {
                int row = blockIdx.y * TM + wm + x * 16 + r * 8 + lane / 4;
                int col = blockIdx.x * TN + wn + y * 8 + lane % 4 * 2;
                *(half2 *)(c + (size_t)row * n + col) =
                    __floats2half2_rn(acc[x][y][2 * r], acc[x][y][2 * r + 1]);
            }
}
