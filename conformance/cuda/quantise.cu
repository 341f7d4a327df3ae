// Rows of f32 to bytes and fp8, with a scale a row, and back.

#include <cuda_fp8.h>

__device__ float row_max(const float *row, int cols) {
    float high = 0;
    for (int i = threadIdx.x; i < cols; i += 32) high = fmaxf(high, fabsf(row[i]));
    for (int d = 16; d > 0; d /= 2) high = fmaxf(high, __shfl_xor_sync(~0u, high, d));
    return high;
}

extern "C" __global__ void quantise_s8(signed char *out, float *scales, const float *in, int cols) {
    const float *row = in + (size_t)blockIdx.x * cols;
    float scale = __fdiv_rn(row_max(row, cols), 127.0f), inverse = __frcp_rn(scale);
    if (threadIdx.x == 0) scales[blockIdx.x] = scale;
    for (int i = threadIdx.x; i < cols; i += 32)
        out[(size_t)blockIdx.x * cols + i] = __float2int_rn(__fmul_rn(row[i], inverse));
}

extern "C" __global__ void quantise_u8(unsigned char *out, const float *in, float low, float scale,
                                       int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int v = __float2int_rn(__fdiv_rn(__fsub_rn(in[i], low), scale));
    out[i] = min(max(v, 0), 255);
}

extern "C" __global__ void quantise_fp8(unsigned short *out, const float2 *in, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    out[i] = __nv_cvt_float2_to_fp8x2(in[i], __NV_SATFINITE, __NV_E4M3);
    out[n + i] = __nv_cvt_float2_to_fp8x2(in[i], __NV_SATFINITE, __NV_E5M2);
}

extern "C" __global__ void dequantise_fp8(float2 *out, const unsigned short *in, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    __half2_raw a = __nv_cvt_fp8x2_to_halfraw2(in[i], __NV_E4M3);
    __half2_raw b = __nv_cvt_fp8x2_to_halfraw2(in[i], __NV_E5M2);
    out[i] = __half22float2(half2(a));
    out[n + i] = __half22float2(half2(b));
}

// Blocks of 32 values in 4 bits with a scale in f16, as quantised weights are kept.
extern "C" __global__ void dequantise_q4(float *out, const half *scales, const unsigned *words) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float scale = __half2float(scales[i / 4]);
    unsigned w = words[i];
    for (int j = 0; j < 8; j++) out[i * 8 + j] = __fmul_rn(scale, (float)(int)((w >> 4 * j & 15) - 8));
}
