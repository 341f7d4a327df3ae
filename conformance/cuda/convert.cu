// Conversions, with every rounding.

#include <cuda_bf16.h>
#include <cuda_fp16.h>

extern "C" __global__ void convert_int(int *out, const float *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, *o = out + i * 12;
    float x = in[i];
    o[0] = __float2int_rn(x);
    o[1] = __float2int_rz(x);
    o[2] = __float2int_ru(x);
    o[3] = __float2int_rd(x);
    o[4] = __float2uint_rn(x);
    o[5] = __float2uint_rz(x);
    o[6] = __float2ll_rn(x) >> 7;
    o[7] = __float2ll_rd(x * 65536.0f) >> 16;
    o[8] = (signed char)(int)x;
    o[9] = (unsigned short)(unsigned)fabsf(x);
    asm("{.reg .b16 h; cvt.rni.sat.s8.f32 h, %1; cvt.s32.s16 %0, h;}" : "=r"(o[10]) : "f"(x));
    asm("{.reg .b16 h; cvt.rzi.sat.u8.f32 h, %1; cvt.u32.u16 %0, h;}" : "=r"(o[11]) : "f"(x));
}

extern "C" __global__ void convert_float(float *out, const int *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, x = in[i];
    float *o = out + i * 12;
    o[0] = __int2float_rn(x);
    o[1] = __int2float_rz(x);
    o[2] = __int2float_ru(x);
    o[3] = __int2float_rd(x);
    o[4] = __uint2float_rn(x);
    o[5] = __uint2float_rz(x);
    o[6] = __ll2float_rn((long long)x * 1000003);
    o[7] = __ull2float_ru((unsigned long long)(unsigned)x * 1000003);
    o[8] = __double2float_rd((double)x * 1.000000123);
    o[9] = __double2float_ru((double)x * 1.000000123);
    o[10] = (float)(signed char)x;
    o[11] = (float)(unsigned short)x;
}

extern "C" __global__ void convert_half(unsigned short *out, const float *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned short *o = out + i * 8;
    float x = in[i];
    o[0] = __half_as_ushort(__float2half_rn(x));
    o[1] = __half_as_ushort(__float2half_rz(x));
    o[2] = __half_as_ushort(__float2half_ru(x));
    o[3] = __half_as_ushort(__float2half_rd(x));
    o[4] = __bfloat16_as_ushort(__float2bfloat16_rn(x));
    o[5] = __bfloat16_as_ushort(__float2bfloat16_rz(x));
    half2 h = __floats2half2_rn(x, -x);
    __nv_bfloat162 b = __floats2bfloat162_rn(x, -x);
    o[6] = __half_as_ushort(__high2half(h));
    o[7] = __bfloat16_as_ushort(__high2bfloat16(b));
}

// Roundings of f32 to itself, and of sums and products.
extern "C" __global__ void round_float(float *out, const float *a, const float *b) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float x = a[i], y = b[i], *o = out + i * 16;
    o[0] = rintf(x);
    o[1] = truncf(x);
    o[2] = ceilf(x);
    o[3] = floorf(x);
    o[4] = __saturatef(x);
    o[5] = __fadd_rz(x, y);
    o[6] = __fadd_ru(x, y);
    o[7] = __fadd_rd(x, y);
    o[8] = __fmul_rz(x, y);
    o[9] = __fmul_ru(x, y);
    o[10] = __fmaf_rd(x, y, x);
    o[11] = __fmaf_ru(x, y, x);
    o[12] = __fdiv_rn(x, y);
    o[13] = __frcp_rz(y);
    o[14] = __fsqrt_ru(fabsf(x));
    o[15] = copysignf(x, y);
}
