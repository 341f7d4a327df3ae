// Attention in f32, plainly: a block a query, causal, a thread a key and then a thread a dimension.

extern "C" __global__ void attention(float *out, const float *q, const float *k, const float *v,
                                     int len, int dim, float scale) {
    extern __shared__ float p[];
    __shared__ float high, sum;
    int row = blockIdx.x, t = threadIdx.x;
    for (int j = t; j <= row; j += blockDim.x) {
        float dot = 0;
        for (int d = 0; d < dim; d++) dot = fmaf(q[row * dim + d], k[j * dim + d], dot);
        p[j] = dot * scale;
    }
    __syncthreads();
    if (t == 0) {
        high = p[0];
        for (int j = 1; j <= row; j++) high = fmaxf(high, p[j]);
    }
    __syncthreads();
    for (int j = t; j <= row; j += blockDim.x) p[j] = __expf(p[j] - high);
    __syncthreads();
    if (t == 0) {
        sum = 0;
        for (int j = 0; j <= row; j++) sum += p[j];
    }
    __syncthreads();
    for (int d = t; d < dim; d += blockDim.x) {
        float acc = 0;
        for (int j = 0; j <= row; j++) acc = fmaf(p[j], v[j * dim + d], acc);
        out[row * dim + d] = acc / sum;
    }
}
