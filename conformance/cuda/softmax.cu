// Softmax of rows: by three passes, and online in one (Milakov and Gimelshein). A warp a row.

#define INFINITE __int_as_float(0x7f800000)

extern "C" __global__ void softmax(float *out, const float *in, int cols) {
    const float *row = in + (size_t)blockIdx.x * cols;
    float high = -INFINITE, sum = 0;
    for (int i = threadIdx.x; i < cols; i += 32) high = fmaxf(high, row[i]);
    for (int d = 16; d > 0; d /= 2) high = fmaxf(high, __shfl_xor_sync(~0u, high, d));
    for (int i = threadIdx.x; i < cols; i += 32) sum += __expf(row[i] - high);
    for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(~0u, sum, d);
    for (int i = threadIdx.x; i < cols; i += 32)
        out[(size_t)blockIdx.x * cols + i] = __fdividef(__expf(row[i] - high), sum);
}

extern "C" __global__ void softmax_online(float *out, const float *in, int cols) {
    const float *row = in + (size_t)blockIdx.x * cols;
    float high = -INFINITE, sum = 0;
    for (int i = threadIdx.x; i < cols; i += 32) {
        float v = row[i], top = fmaxf(high, v);
        sum = sum * __expf(high - top) + __expf(v - top);
        high = top;
    }
    for (int d = 16; d > 0; d /= 2) {
        float h = __shfl_xor_sync(~0u, high, d), s = __shfl_xor_sync(~0u, sum, d);
        float top = fmaxf(high, h);
        if (top > -INFINITE) sum = sum * __expf(high - top) + s * __expf(h - top);
        high = top;
    }
    float scale = 1.0f / sum;
    for (int i = threadIdx.x; i < cols; i += 32)
        out[(size_t)blockIdx.x * cols + i] = expf(row[i] - high) * scale;
}
