// A filter in constant memory, over an image whose edge is repeated.

__constant__ float filter[5][5] = {{1, 4, 6, 4, 1},
                                   {4, 16, 24, 16, 4},
                                   {6, 24, 36, 24, 6},
                                   {4, 16, 24, 16, 4},
                                   {1, 4, 6, 4, 1}};

extern "C" __global__ void convolve(float *out, const float *in, int w, int h) {
    int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    if (x >= w || y >= h) return;
    float sum = 0;
    for (int j = -2; j <= 2; j++)
        for (int i = -2; i <= 2; i++) {
            int u = min(max(x + i, 0), w - 1), v = min(max(y + j, 0), h - 1);
            sum = fmaf(filter[j + 2][i + 2], in[v * w + u], sum);
        }
    out[y * w + x] = sum * (1.0f / 256);
}

// Rows of a separable filter, whose taps a constant array gives by a dynamic index.
__constant__ int taps[8] = {1, -3, 5, -7, 7, -5, 3, -1};

extern "C" __global__ void fir(int *out, const int *in, int n, int phase) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    int sum = 0;
    for (int k = 0; k < 8 && k <= i; k++) sum += taps[k + phase & 7] * in[i - k];
    out[i] = sum;
}
