// Normalisations of rows; a block a row.

__device__ float block_sum(float v) {
    __shared__ float part[32];
    for (int d = 16; d > 0; d /= 2) v += __shfl_xor_sync(~0u, v, d);
    __syncthreads();
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;
    __syncthreads();
    v = threadIdx.x % 32 < blockDim.x / 32 ? part[threadIdx.x % 32] : 0;
    for (int d = 16; d > 0; d /= 2) v += __shfl_xor_sync(~0u, v, d);
    return v;
}

extern "C" __global__ void layernorm(float *out, const float *in, const float *gain,
                                     const float *bias, int cols) {
    const float *row = in + (size_t)blockIdx.x * cols;
    float sum = 0, square = 0;
    for (int i = threadIdx.x; i < cols; i += blockDim.x) sum += row[i];
    float mean = block_sum(sum) / cols;
    for (int i = threadIdx.x; i < cols; i += blockDim.x) {
        float d = row[i] - mean;
        square = fmaf(d, d, square);
    }
    float scale = rsqrtf(block_sum(square) / cols + 1e-5f);
    for (int i = threadIdx.x; i < cols; i += blockDim.x)
        out[(size_t)blockIdx.x * cols + i] = fmaf((row[i] - mean) * scale, gain[i], bias[i]);
}

// Correctly rounded all through, so that it is the same to the bit everywhere.
extern "C" __global__ void rmsnorm(float *out, const float *in, const float *gain, int cols) {
    const float *row = in + (size_t)blockIdx.x * cols;
    float square = 0;
    for (int i = threadIdx.x; i < cols; i += blockDim.x) square = fmaf(row[i], row[i], square);
    float root = __fsqrt_rn(__fadd_rn(__fdiv_rn(block_sum(square), (float)cols), 1e-6f));
    for (int i = threadIdx.x; i < cols; i += blockDim.x)
        out[(size_t)blockIdx.x * cols + i] = __fmul_rn(__fdiv_rn(row[i], root), gain[i]);
}
