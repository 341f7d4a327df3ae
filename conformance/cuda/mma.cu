// Matrix products by mma.sync: bf16 from ldmatrix, s8 from registers, f64 and tf32.

#include <cuda_bf16.h>

#define ROW 40 // 32 columns and 8 to keep ldmatrix off the same banks

// 64 x 64 of C = A B^T a block of 4 warps, 32 x 32 a warp; A and B are row-major in k.
extern "C" __global__ void __launch_bounds__(128)
    mma_bf16(float *c, const __nv_bfloat16 *a, const __nv_bfloat16 *b, int n, int k) {
    __shared__ __align__(16) __nv_bfloat16 sa[64 * ROW], sb[64 * ROW];
    int t = threadIdx.x, lane = t % 32, wm = t / 64 * 32, wn = t / 32 % 2 * 32;
    a += (size_t)blockIdx.y * 64 * k;
    b += (size_t)blockIdx.x * 64 * k;
    float acc[2][4][4] = {};
    for (int at = 0; at < k; at += 32) {
        for (int i = t; i < 256; i += 128) {
            int r = i / 4, s = i % 4 * 8;
            *(uint4 *)(sa + r * ROW + s) = *(const uint4 *)(a + r * k + at + s);
            *(uint4 *)(sb + r * ROW + s) = *(const uint4 *)(b + r * k + at + s);
        }
        __syncthreads();
        for (int s = 0; s < 32; s += 16) {
            unsigned fa[2][4], fb[2][4];
            for (int i = 0; i < 2; i++) {
                unsigned pa = __cvta_generic_to_shared(
                    sa + (wm + i * 16 + lane % 16) * ROW + s + lane / 16 * 8);
                unsigned pb = __cvta_generic_to_shared(
                    sb + (wn + i * 16 + lane % 16) * ROW + s + lane / 16 * 8);
                asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                             : "=r"(fa[i][0]), "=r"(fa[i][1]), "=r"(fa[i][2]), "=r"(fa[i][3])
                             : "r"(pa));
                asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                             : "=r"(fb[i][0]), "=r"(fb[i][1]), "=r"(fb[i][2]), "=r"(fb[i][3])
                             : "r"(pb));
            }
            for (int i = 0; i < 2; i++)
                for (int j = 0; j < 4; j++) {
                    float *d = acc[i][j];
                    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                                 "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                                 : "r"(fa[i][0]), "r"(fa[i][1]), "r"(fa[i][2]), "r"(fa[i][3]),
                                   "r"(fb[j / 2][j % 2]), "r"(fb[j / 2][j % 2 + 2]));
                }
        }
        __syncthreads();
    }
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 4; j++)
            for (int r = 0; r < 2; r++) {
                int row = blockIdx.y * 64 + wm + i * 16 + r * 8 + lane / 4;
                int col = blockIdx.x * 64 + wn + j * 8 + lane % 4 * 2;
                *(float2 *)(c + (size_t)row * n + col) =
                    make_float2(acc[i][j][2 * r], acc[i][j][2 * r + 1]);
            }
}

// One warp: C (16 x 8) += A (16 x 32) B (32 x 8) of signed bytes, B column-major.
extern "C" __global__ void mma_s8(int *c, const int *a, const int *b) {
    int g = threadIdx.x / 4, t = threadIdx.x % 4;
    int d[4] = {c[g * 8 + t * 2], c[g * 8 + t * 2 + 1], c[(g + 8) * 8 + t * 2],
                c[(g + 8) * 8 + t * 2 + 1]};
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 "
                 "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
                 : "r"(a[g * 8 + t]), "r"(a[(g + 8) * 8 + t]), "r"(a[g * 8 + t + 4]),
                   "r"(a[(g + 8) * 8 + t + 4]), "r"(b[g * 8 + t]), "r"(b[g * 8 + t + 4]));
    c[g * 8 + t * 2] = d[0];
    c[g * 8 + t * 2 + 1] = d[1];
    c[(g + 8) * 8 + t * 2] = d[2];
    c[(g + 8) * 8 + t * 2 + 1] = d[3];
}

// One warp: C (8 x 8) = A (8 x 4) B (4 x 8) in f64, B column-major.
extern "C" __global__ void mma_f64(double *c, const double *a, const double *b) {
    int l = threadIdx.x;
    double d0 = 0, d1 = 0;
    asm volatile("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0,%1}, {%2}, {%3}, {%0,%1};"
                 : "+d"(d0), "+d"(d1)
                 : "d"(a[l]), "d"(b[l]));
    c[l * 2] = d0;
    c[l * 2 + 1] = d1;
}

// One warp: C (16 x 8) = A (16 x 8) B (8 x 8) of f32 rounded to tf32, B column-major.
extern "C" __global__ void mma_tf32(float *c, const float *a, const float *b) {
    int g = threadIdx.x / 4, t = threadIdx.x % 4;
    float in[6] = {a[g * 8 + t], a[(g + 8) * 8 + t], a[g * 8 + t + 4], a[(g + 8) * 8 + t + 4],
                   b[g * 8 + t], b[g * 8 + t + 4]};
    unsigned r[6];
    for (int i = 0; i < 6; i++) asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r[i]) : "f"(in[i]));
    float d[4] = {};
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
                 "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3]), "r"(r[4]), "r"(r[5]));
    c[g * 8 + t * 2] = d[0];
    c[g * 8 + t * 2 + 1] = d[1];
    c[(g + 8) * 8 + t * 2] = d[2];
    c[(g + 8) * 8 + t * 2 + 1] = d[3];
}
