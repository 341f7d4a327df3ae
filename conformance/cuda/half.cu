// Packed arithmetic of f16 and bf16.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

extern "C" __global__ void half_ops(half2 *out, const half2 *a, const half2 *b) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    half2 x = a[i], y = b[i], *o = out + i * 10;
    o[0] = __hadd2_rn(x, y);
    o[1] = __hmul2_rn(x, y);
    o[2] = __hsub2_rn(x, y);
    o[3] = __hfma2(x, y, x);
    o[4] = __hfma2_relu(x, y, y);
    o[5] = __hmin2(x, y);
    o[6] = __hmax2_nan(x, y);
    o[7] = __habs2(__hneg2(x));
    o[8] = __hgt2(x, y);
    o[9] = __hfma2_sat(x, y, x);
}

extern "C" __global__ void bfloat_ops(__nv_bfloat162 *out, const __nv_bfloat162 *a,
                                      const __nv_bfloat162 *b) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    __nv_bfloat162 x = a[i], y = b[i], *o = out + i * 6;
    o[0] = __hadd2_rn(x, y);
    o[1] = __hmul2_rn(x, y);
    o[2] = __hfma2(x, y, x);
    o[3] = __hmin2(x, y);
    o[4] = __hmax2(x, y);
    o[5] = __habs2(x);
}

// A dot product in halves, by two accumulators, and the sum of both.
extern "C" __global__ void half_dot(half *out, const half2 *a, const half2 *b, int n) {
    half2 sum = __float2half2_rn(0);
    for (int i = threadIdx.x; i < n; i += blockDim.x) sum = __hfma2(a[i], b[i], sum);
    out[threadIdx.x] = __hadd_rn(__low2half(sum), __high2half(sum));
}
