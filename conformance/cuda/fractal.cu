// The Mandelbrot set: in f32 and in f64; Conway's life, 32 cells a word.

extern "C" __global__ void mandelbrot(int *out, int w, int h, int limit) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= w || y >= h) return;
    float cr = __fmaf_rn((float)x, 0.0625f, -2.0f), ci = __fmaf_rn((float)y, 0.0625f, -1.0f);
    float zr = 0, zi = 0;
    int n = 0;
    for (; n < limit; n++) {
        float r2 = __fmul_rn(zr, zr), i2 = __fmul_rn(zi, zi);
        if (__fadd_rn(r2, i2) > 4.0f) break;
        zi = __fmaf_rn(__fadd_rn(zr, zr), zi, ci);
        zr = __fadd_rn(__fsub_rn(r2, i2), cr);
    }
    out[y * w + x] = n;
}

extern "C" __global__ void julia(int *out, double cr, double ci, int w, int limit) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y, n = 0;
    double zr = x * 0.03125 - 2.0, zi = y * 0.03125 - 2.0;
    while (n < limit && __fma_rn(zr, zr, __dmul_rn(zi, zi)) < 4.0) {
        double t = __fma_rn(zr, zr, -__dmul_rn(zi, zi));
        zi = __fma_rn(zr + zr, zi, ci);
        zr = t + cr;
        n++;
    }
    out[y * w + x] = n;
}

// One generation on a torus. Sums of neighbours are kept as bit planes, 32 cells at once.
extern "C" __global__ void life(unsigned *out, const unsigned *in, int words, int rows) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y;
    if (x >= words) return;
    unsigned ones = 0, twos = 0, fours = 0, self = in[y * words + x];
    for (int dy = -1; dy <= 1; dy++) {
        const unsigned *row = in + (y + dy + rows) % rows * words;
        unsigned mid = row[x];
        unsigned left = __funnelshift_l(row[(x + words - 1) % words], mid, 1);
        unsigned right = __funnelshift_r(mid, row[(x + 1) % words], 1);
        unsigned v[3] = {left, dy ? mid : 0, right};
        for (int k = 0; k < 3; k++) {
            unsigned c = ones & v[k];
            ones ^= v[k];
            fours |= twos & c;
            twos ^= c;
        }
    }
    out[y * words + x] = twos & ~fours & (ones | self);
}
