// Activations and what a training step does to weights.

extern "C" __global__ void gelu_tanh(float *out, const float *in, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float x = in[i];
    out[i] = 0.5f * x * (1.0f + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
}

extern "C" __global__ void gelu_erf(float *out, const float *in, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = 0.5f * in[i] * (1.0f + erff(in[i] * 0.70710678f));
}

extern "C" __global__ void swiglu(float *out, const float *gate, const float *up, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = up[i] * gate[i] / (1.0f + expf(-gate[i]));
}

extern "C" __global__ void tanh_approx(float *out, const float *in, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) asm("tanh.approx.f32 %0, %1;" : "=f"(out[i]) : "f"(in[i]));
}

// AdamW; every step is correctly rounded.
extern "C" __global__ void adamw(float *w, float *m, float *v, const float *g, float rate,
                                 float beta1, float beta2, float decay, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float grad = g[i];
    float mi = m[i] = fmaf(beta1, m[i], __fmul_rn(1.0f - beta1, grad));
    float vi = v[i] = fmaf(beta2, v[i], __fmul_rn(__fmul_rn(1.0f - beta2, grad), grad));
    float step = __fdiv_rn(mi, __fadd_rn(__fsqrt_rn(vi), 1e-8f));
    w[i] = fmaf(-rate, fmaf(decay, w[i], step), w[i]);
}

// Rotary positions: pairs of a head are turned by an angle that grows with the position.
extern "C" __global__ void rope(float2 *x, int half) {
    int i = threadIdx.x, pos = blockIdx.x;
    float angle = pos * powf(10000.0f, -(float)i / half), s, c;
    sincosf(angle, &s, &c);
    float2 v = x[pos * half + i];
    x[pos * half + i] = make_float2(v.x * c - v.y * s, v.x * s + v.y * c);
}
