// Prefix sums.

extern "C" __global__ void scan_hillis(int *out, const int *in) {
    __shared__ int a[2][256];
    int t = threadIdx.x, now = 0;
    a[0][t] = in[blockIdx.x * 256 + t];
    __syncthreads();
    for (int d = 1; d < 256; d *= 2, now ^= 1) {
        a[now ^ 1][t] = t >= d ? a[now][t] + a[now][t - d] : a[now][t];
        __syncthreads();
    }
    out[blockIdx.x * 256 + t] = a[now][t];
}

// Exclusive, by up-sweep and down-sweep of a tree.
extern "C" __global__ void scan_blelloch(int *out, const int *in) {
    __shared__ int a[512];
    int t = threadIdx.x, d = 1;
    const int *block = in + blockIdx.x * 512;
    a[2 * t] = block[2 * t];
    a[2 * t + 1] = block[2 * t + 1];
    for (int n = 256; n > 0; n /= 2, d *= 2) {
        __syncthreads();
        if (t < n) a[d * (2 * t + 2) - 1] += a[d * (2 * t + 1) - 1];
    }
    if (t == 0) a[511] = 0;
    for (int n = 1; n < 512; n *= 2) {
        d /= 2;
        __syncthreads();
        if (t < n) {
            int left = d * (2 * t + 1) - 1, right = d * (2 * t + 2) - 1, v = a[left];
            a[left] = a[right];
            a[right] += v;
        }
    }
    __syncthreads();
    out[blockIdx.x * 512 + 2 * t] = a[2 * t];
    out[blockIdx.x * 512 + 2 * t + 1] = a[2 * t + 1];
}

__device__ int warp_scan(int v) {
    int lane = threadIdx.x % 32;
    for (int d = 1; d < 32; d *= 2) {
        int left = __shfl_up_sync(~0u, v, d);
        if (lane >= d) v += left;
    }
    return v;
}

__device__ int block_scan(int v) {
    __shared__ int ends[32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    v = warp_scan(v);
    if (lane == 31) ends[warp] = v;
    __syncthreads();
    if (warp == 0) ends[lane] = warp_scan(lane < blockDim.x / 32 ? ends[lane] : 0);
    __syncthreads();
    return warp > 0 ? v + ends[warp - 1] : v;
}

extern "C" __global__ void scan_warp(int *out, const int *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    out[i] = block_scan(in[i]);
}

// One pass over any number of blocks: each publishes its own sum, then its prefix, and looks back
// over those before it (Merrill and Garland, decoupled look-back). The state is a pair of a flag
// (1 sum, 2 prefix) and a value, so that it is read and written at once.
extern "C" __global__ void scan_lookback(int *out, const int *in, unsigned long long *state,
                                         unsigned *ticket) {
    __shared__ int block, before;
    if (threadIdx.x == 0) block = atomicAdd(ticket, 1);
    __syncthreads();
    int i = block * blockDim.x + threadIdx.x, v = block_scan(in[i]);
    if (threadIdx.x == blockDim.x - 1) {
        unsigned sum = v;
        unsigned long long mine = (unsigned long long)(block == 0 ? 2 : 1) << 32 | sum;
        atomicExch(state + block, mine);
        int prefix = 0;
        for (int b = block - 1; b >= 0;) {
            unsigned long long s = *(volatile unsigned long long *)(state + b);
            if (s >> 32 == 0) continue;
            prefix += (int)(unsigned)s;
            if (s >> 32 == 2) break;
            b--;
        }
        before = prefix;
        __threadfence();
        if (block > 0) atomicExch(state + block, 2ull << 32 | (unsigned)(prefix + v));
    }
    __syncthreads();
    out[i] = v + before;
}
