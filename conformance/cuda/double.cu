// f64: correctly rounded operations, a product by a transposed matrix, Horner, a Kahan sum.

extern "C" __global__ void double_ops(double *out, const double *a, const double *b) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    double x = a[i], y = b[i], *o = out + i * 14;
    o[0] = __dadd_rn(x, y);
    o[1] = __dadd_rz(x, y);
    o[2] = __dmul_ru(x, y);
    o[3] = __dmul_rd(x, y);
    o[4] = fma(x, y, 1.0);
    o[5] = x / y;
    o[6] = sqrt(fabs(x));
    o[7] = fmin(x, y);
    o[8] = fmax(x, -y);
    o[9] = floor(x);
    o[10] = rint(y);
    o[11] = (double)(float)x;
    o[12] = (double)(long long)x;
    o[13] = __drcp_rn(y);
}

extern "C" __global__ void dgemv(double *y, const double *a, const double *x, int n) {
    int col = blockIdx.x * blockDim.x + threadIdx.x;
    double sum = 0;
    for (int i = 0; i < n; i++) sum = fma(a[i * n + col], x[i], sum);
    y[col] = sum;
}

extern "C" __global__ void horner(double *out, const double *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    double x = in[i], p = 1.0 / 5040;
    p = fma(p, x, 1.0 / 720);
    p = fma(p, x, 1.0 / 120);
    p = fma(p, x, 1.0 / 24);
    p = fma(p, x, 1.0 / 6);
    p = fma(p, x, 0.5);
    p = fma(p, x, 1.0);
    out[i] = fma(p, x, 1.0);
}

extern "C" __global__ void kahan(double *out, const double *in, int n) {
    double sum = 0, lost = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) {
        double y = __dsub_rn(in[i], lost), t = __dadd_rn(sum, y);
        lost = __dsub_rn(__dsub_rn(t, sum), y);
        sum = t;
    }
    out[threadIdx.x] = sum;
}

extern "C" __global__ void double_math(double *out, const double *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    double x = in[i];
    out[4 * i] = exp(x);
    out[4 * i + 1] = log(fabs(x));
    out[4 * i + 2] = sin(x);
    out[4 * i + 3] = pow(fabs(x), 1.5);
}
