// Warp matrix products by nvcuda::wmma: a warp a tile of 16 x 16.

#include <cuda_bf16.h>
#include <mma.h>
using namespace nvcuda::wmma;

template <class T, class B>
__device__ void product(float *c, const T *a, const T *b, int n) {
    fragment<matrix_a, 16, 16, 16, T, row_major> fa;
    fragment<matrix_b, 16, 16, 16, T, B> fb;
    fragment<accumulator, 16, 16, 16, float> fc;
    int row = blockIdx.y * 16, col = blockIdx.x * 16;
    fill_fragment(fc, 0.0f);
    for (int k = 0; k < n; k += 16) {
        load_matrix_sync(fa, a + row * n + k, n);
        load_matrix_sync(fb, b + col * n + k, n);
        mma_sync(fc, fa, fb, fc);
    }
    store_matrix_sync(c + row * n + col, fc, n, mem_row_major);
}

// B is column-major: its columns lie as A's rows do.
extern "C" __global__ void wmma_f16(float *c, const half *a, const half *b, int n) {
    product<half, col_major>(c, a, b, n);
}

extern "C" __global__ void wmma_bf16(float *c, const __nv_bfloat16 *a, const __nv_bfloat16 *b,
                                     int n) {
    product<__nv_bfloat16, col_major>(c, a, b, n);
}

extern "C" __global__ void wmma_s8(int *c, const signed char *a, const signed char *b, int n) {
    fragment<matrix_a, 16, 16, 16, signed char, row_major> fa;
    fragment<matrix_b, 16, 16, 16, signed char, col_major> fb;
    fragment<accumulator, 16, 16, 16, int> fc;
    int row = blockIdx.y * 16, col = blockIdx.x * 16;
    fill_fragment(fc, 0);
    for (int k = 0; k < n; k += 16) {
        load_matrix_sync(fa, a + row * n + k, n);
        load_matrix_sync(fb, b + col * n + k, n);
        mma_sync(fc, fa, fb, fc);
    }
    store_matrix_sync(c + row * n + col, fc, n, mem_row_major);
}
