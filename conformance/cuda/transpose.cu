// Matrix transposes in tiles of 32 x 32.

extern "C" __global__ void transpose_naive(float *out, const float *in, int w, int h) {
    int x = blockIdx.x * 32 + threadIdx.x, y = blockIdx.y * 32 + threadIdx.y;
    for (int r = 0; r < 32; r += 8) out[x * h + y + r] = in[(y + r) * w + x];
}

extern "C" __global__ void transpose_padded(float *out, const float *in, int w, int h) {
    __shared__ float tile[32][33];
    int x = blockIdx.x * 32 + threadIdx.x, y = blockIdx.y * 32 + threadIdx.y;
    for (int r = 0; r < 32; r += 8) tile[threadIdx.y + r][threadIdx.x] = in[(y + r) * w + x];
    __syncthreads();
    x = blockIdx.y * 32 + threadIdx.x;
    y = blockIdx.x * 32 + threadIdx.y;
    for (int r = 0; r < 32; r += 8) out[(y + r) * h + x] = tile[threadIdx.x][threadIdx.y + r];
}

// No padding: the column is exclusive-ored with the row, so a column lies in 32 banks too.
extern "C" __global__ void transpose_swizzled(float *out, const float *in, int w, int h) {
    __shared__ float tile[32 * 32];
    int tx = threadIdx.x, ty = threadIdx.y;
    int x = blockIdx.x * 32 + tx, y = blockIdx.y * 32 + ty;
    for (int r = ty; r < 32; r += 8) tile[r * 32 + (tx ^ r)] = in[(y + r - ty) * w + x];
    __syncthreads();
    x = blockIdx.y * 32 + tx;
    y = blockIdx.x * 32;
    for (int r = ty; r < 32; r += 8) out[(y + r) * h + x] = tile[tx * 32 + (r ^ tx)];
}
