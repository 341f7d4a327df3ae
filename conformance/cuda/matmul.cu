// f32 matrix products: C = A B, row-major.

// The tiled matmul of the CUDA guide.
extern "C" __global__ void matmul_tiled(float *c, const float *a, const float *b, int n) {
    __shared__ float as[16][16], bs[16][16];
    int tx = threadIdx.x, ty = threadIdx.y;
    int row = blockIdx.y * 16 + ty, col = blockIdx.x * 16 + tx;
    float sum = 0;
    for (int k = 0; k < n; k += 16) {
        as[ty][tx] = a[row * n + k + tx];
        bs[ty][tx] = b[(k + ty) * n + col];
        __syncthreads();
        for (int i = 0; i < 16; i++) sum = fmaf(as[ty][i], bs[i][tx], sum);
        __syncthreads();
    }
    c[row * n + col] = sum;
}

// 64 x 64 of C a block of 256 threads, 4 x 4 a thread, A transposed on its way to shared memory.
extern "C" __global__ void __launch_bounds__(256)
    matmul_blocked(float *c, const float *a, const float *b, int n) {
    __shared__ float as[8][64], bs[8][64];
    int t = threadIdx.x, tx = t % 16, ty = t / 16;
    const float *pa = a + (blockIdx.y * 64 + t / 4) * n + t % 4 * 2;
    const float *pb = b + (t / 32) * n + blockIdx.x * 64 + t % 32 * 2;
    float sum[4][4] = {};
    for (int k = 0; k < n; k += 8) {
        float2 va = *(const float2 *)(pa + k), vb = *(const float2 *)(pb + k * n);
        as[t % 4 * 2][t / 4] = va.x;
        as[t % 4 * 2 + 1][t / 4] = va.y;
        *(float2 *)&bs[t / 32][t % 32 * 2] = vb;
        __syncthreads();
        for (int i = 0; i < 8; i++) {
            float4 x = *(float4 *)&as[i][ty * 4], y = *(float4 *)&bs[i][tx * 4];
            float fx[4] = {x.x, x.y, x.z, x.w}, fy[4] = {y.x, y.y, y.z, y.w};
            for (int r = 0; r < 4; r++)
                for (int s = 0; s < 4; s++) sum[r][s] = fmaf(fx[r], fy[s], sum[r][s]);
        }
        __syncthreads();
    }
    for (int r = 0; r < 4; r++) {
        float *row = c + (blockIdx.y * 64 + ty * 4 + r) * n + blockIdx.x * 64 + tx * 4;
        *(float4 *)row = make_float4(sum[r][0], sum[r][1], sum[r][2], sum[r][3]);
    }
}

// Many small products: z counts them.
extern "C" __global__ void matmul_batched(float *c, const float *a, const float *b, int m, int n,
                                          int k) {
    int col = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
    if (row >= m || col >= n) return;
    a += (size_t)blockIdx.z * m * k + row * k;
    b += (size_t)blockIdx.z * k * n + col;
    float sum = 0;
    for (int i = 0; i < k; i++) sum = fmaf(a[i], b[i * n], sum);
    c[(size_t)blockIdx.z * m * n + row * n + col] = sum;
}

// A warp a row, of a matrix by a vector.
extern "C" __global__ void matvec(float *y, const float *a, const float *x, int rows, int cols) {
    int row = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
    if (row >= rows) return;
    float sum = 0;
    for (int i = lane; i < cols; i += 32) sum = fmaf(a[row * cols + i], x[i], sum);
    for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(~0u, sum, d);
    if (lane == 0) y[row] = sum;
}
