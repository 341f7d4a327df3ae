// Stencils: along a line, in a plane, in a volume.

// Seven points of integers, with a halo in shared memory.
extern "C" __global__ void stencil1(int *out, const int *in, int n) {
    __shared__ int a[256 + 6];
    int i = blockIdx.x * 256 + threadIdx.x, t = threadIdx.x + 3;
    a[t] = i < n ? in[i] : 0;
    if (threadIdx.x < 3) {
        a[t - 3] = i >= 3 ? in[i - 3] : 0;
        a[t + 256] = i + 256 < n ? in[i + 256] : 0;
    }
    __syncthreads();
    int sum = 0;
    for (int d = -3; d <= 3; d++) sum += a[t + d];
    if (i < n) out[i] = sum;
}

extern "C" __global__ void stencil2(float *out, const float *in, int w, int h) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= w || y >= h) return;
    int i = y * w + x;
    if (x == 0 || y == 0 || x == w - 1 || y == h - 1) {
        out[i] = in[i];
        return;
    }
    out[i] = 0.25f * (((in[i - 1] + in[i + 1]) + in[i - w]) + in[i + w]);
}

// Seven points; the block marches along z and keeps three planes in registers.
extern "C" __global__ void stencil3(float *out, const float *in, int w, int h, int d) {
    __shared__ float plane[10][34];
    int tx = threadIdx.x + 1, ty = threadIdx.y + 1;
    int x = blockIdx.x * 32 + tx, y = blockIdx.y * 8 + ty;
    bool inside = x < w - 1 && y < h - 1;
    int i = min(y, h - 1) * w + min(x, w - 1), step = w * h;
    float below = in[i], here = in[i + step];
    for (int z = 1; z < d - 1; z++) {
        float above = in[i + (z + 1) * step];
        const float *p = in + i + z * step;
        plane[ty][tx] = here;
        if (inside) {
            if (tx == 1) plane[ty][0] = p[-1];
            if (tx == 32) plane[ty][tx + 1] = p[1];
            if (ty == 1) plane[0][tx] = p[-w];
            if (ty == 8) plane[ty + 1][tx] = p[w];
        }
        __syncthreads();
        if (inside) {
            float sum = plane[ty][tx - 1] + plane[ty][tx + 1];
            sum += plane[ty - 1][tx] + plane[ty + 1][tx];
            sum += below + above;
            out[i + z * step] = fmaf(-6.0f, here, sum);
        }
        __syncthreads();
        below = here;
        here = above;
    }
}
