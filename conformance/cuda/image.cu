// Images of bytes, without textures.

extern "C" __global__ void grey(unsigned char *out, const uchar4 *in, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    uchar4 p = in[i];
    out[i] = (p.x * 77 + p.y * 150 + p.z * 29 + 128) >> 8;
}

extern "C" __global__ void sobel(unsigned char *out, const unsigned char *in, int w, int h) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= w || y >= h) return;
    if (x == 0 || y == 0 || x == w - 1 || y == h - 1) {
        out[y * w + x] = 0;
        return;
    }
    const unsigned char *p = in + y * w + x;
    int gx = p[1 - w] + 2 * p[1] + p[1 + w] - p[-1 - w] - 2 * p[-1] - p[w - 1];
    int gy = p[w - 1] + 2 * p[w] + p[w + 1] - p[-w - 1] - 2 * p[-w] - p[1 - w];
    out[y * w + x] = min(abs(gx) + abs(gy), 255);
}

// Bilinear, in fixed point with 8 bits of fraction.
extern "C" __global__ void resize(unsigned char *out, const unsigned char *in, int ow, int oh,
                                  int iw, int ih) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= ow || y >= oh) return;
    int sx = x * (iw - 1) * 256 / (ow - 1), sy = y * (ih - 1) * 256 / (oh - 1);
    int ix = min(sx >> 8, iw - 2), iy = min(sy >> 8, ih - 2), fx = sx - ix * 256, fy = sy - iy * 256;
    const unsigned char *p = in + iy * iw + ix;
    int top = p[0] * (256 - fx) + p[1] * fx, bottom = p[iw] * (256 - fx) + p[iw + 1] * fx;
    out[y * ow + x] = (top * (256 - fy) + bottom * fy + 32768) >> 16;
}

// The median of nine, by a network of minima and maxima.
extern "C" __global__ void median(unsigned char *out, const unsigned char *in, int w, int h) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= w || y >= h) return;
    int v[9];
    for (int k = 0; k < 9; k++) {
        int u = min(max(x + k % 3 - 1, 0), w - 1), t = min(max(y + k / 3 - 1, 0), h - 1);
        v[k] = in[t * w + u];
    }
    for (int i = 0; i < 5; i++)
        for (int j = i + 1; j < 9; j++) {
            int low = min(v[i], v[j]);
            v[j] = max(v[i], v[j]);
            v[i] = low;
        }
    out[y * w + x] = v[4];
}
