// Irregular work: breadth first search, sparse matrices, compaction.

// One level of a search over a graph in CSR.
extern "C" __global__ void bfs(int *level, unsigned *next, const int *start, const int *edges,
                               int depth, int n) {
    int v = blockIdx.x * blockDim.x + threadIdx.x;
    if (v >= n || level[v] != depth) return;
    for (int e = start[v]; e < start[v + 1]; e++)
        if (atomicCAS(level + edges[e], -1, depth + 1) == -1) atomicAdd(next, 1);
}

extern "C" __global__ void spmv_scalar(float *y, const int *start, const int *col, const float *val,
                                       const float *x, int rows) {
    int r = blockIdx.x * blockDim.x + threadIdx.x;
    if (r >= rows) return;
    float sum = 0;
    for (int e = start[r]; e < start[r + 1]; e++) sum = fmaf(val[e], x[col[e]], sum);
    y[r] = sum;
}

// A warp a row.
extern "C" __global__ void spmv_vector(float *y, const int *start, const int *col, const float *val,
                                       const float *x, int rows) {
    int r = (blockIdx.x * blockDim.x + threadIdx.x) / 32, lane = threadIdx.x % 32;
    if (r >= rows) return;
    float sum = 0;
    for (int e = start[r] + lane; e < start[r + 1]; e += 32) sum = fmaf(val[e], x[col[e]], sum);
    for (int d = 16; d > 0; d /= 2) sum += __shfl_down_sync(~0u, sum, d);
    if (lane == 0) y[r] = sum;
}

// Keeps the positive values of a block in their order.
extern "C" __global__ void compact(int *out, int *count, const int *in) {
    __shared__ int warps[8];
    int t = threadIdx.x, lane = t % 32, v = in[blockIdx.x * 256 + t];
    unsigned keep = __ballot_sync(~0u, v > 0);
    if (lane == 0) warps[t / 32] = __popc(keep);
    __syncthreads();
    int at = __popc(keep & ((1u << lane) - 1));
    for (int w = 0; w < t / 32; w++) at += warps[w];
    if (v > 0) out[blockIdx.x * 256 + at] = v;
    if (t == 255) count[blockIdx.x] = at + (v > 0);
}
