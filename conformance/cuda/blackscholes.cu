// Approximate functions of f32, and the price of options as the CUDA samples compute it.

extern "C" __global__ void approximate(float *out, const float *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float x = in[i], *o = out + i * 8, p = fabsf(x) + 0.125f;
    o[0] = exp2f(x);
    o[1] = __log2f(p);
    o[2] = __sinf(x);
    o[3] = __cosf(x);
    o[4] = rsqrtf(p);
    o[5] = __frcp_rn(p);
    o[6] = __fdividef(x, p);
    o[7] = __powf(p, x);
}

extern "C" __global__ void accurate(float *out, const float *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float x = in[i], *o = out + i * 8, p = fabsf(x) + 0.125f;
    o[0] = expf(x);
    o[1] = logf(p);
    o[2] = sinf(x);
    o[3] = cosf(x * 1000.0f);
    o[4] = tanf(x);
    o[5] = atanf(x);
    o[6] = cbrtf(x);
    o[7] = fmodf(x, 0.3f);
}

__device__ float normal(float d) {
    float k = 1.0f / (1.0f + 0.2316419f * fabsf(d));
    float p = k * (0.31938153f +
                   k * (-0.356563782f +
                        k * (1.781477937f + k * (-1.821255978f + k * 1.330274429f))));
    p *= 0.39894228040f * __expf(-0.5f * d * d);
    return d > 0 ? 1.0f - p : p;
}

extern "C" __global__ void options(float2 *out, const float *price, const float *strike,
                                   const float *years, float rate, float volatility) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    float s = price[i], x = strike[i], t = years[i], root = sqrtf(t);
    float d1 = (logf(s / x) + (rate + 0.5f * volatility * volatility) * t) / (volatility * root);
    float d2 = d1 - volatility * root, n1 = normal(d1), n2 = normal(d2), e = expf(-rate * t);
    out[i] = make_float2(s * n1 - x * e * n2, x * e * (1.0f - n2) - s * (1.0f - n1));
}
