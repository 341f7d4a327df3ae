// Sorts within a block.

extern "C" __global__ void bitonic(unsigned *data) {
    __shared__ unsigned a[512];
    unsigned *block = data + blockIdx.x * 512, t = threadIdx.x;
    a[t] = block[t];
    a[t + 256] = block[t + 256];
    for (unsigned size = 2; size <= 512; size *= 2) {
        for (unsigned stride = size / 2; stride > 0; stride /= 2) {
            __syncthreads();
            unsigned i = 2 * t - (t & (stride - 1)), j = i + stride;
            unsigned x = a[i], y = a[j];
            if ((x > y) == ((i & size) == 0)) {
                a[i] = y;
                a[j] = x;
            }
        }
    }
    __syncthreads();
    block[t] = a[t];
    block[t + 256] = a[t + 256];
}

// Odd-even transposition within a warp, by shuffles alone.
extern "C" __global__ void odd_even(int *data) {
    int lane = threadIdx.x, v = data[blockIdx.x * 32 + lane];
    for (int round = 0; round < 32; round++) {
        bool low = (lane & 1) == (round & 1);
        int other = low ? lane + 1 : lane - 1;
        int w = __shfl_sync(~0u, v, other & 31);
        if (other >= 0 && other < 32) v = low ? min(v, w) : max(v, w);
    }
    data[blockIdx.x * 32 + lane] = v;
}

// Radix sort of one bit a round: ballot gives each lane its rank, warps add theirs in shared memory.
extern "C" __global__ void radix(unsigned *data) {
    __shared__ unsigned a[256], zeros[8];
    unsigned t = threadIdx.x, lane = t % 32, warp = t / 32;
    unsigned v = data[blockIdx.x * 256 + t];
    for (int bit = 0; bit < 32; bit++) {
        unsigned zero = ~__ballot_sync(~0u, v >> bit & 1);
        if (lane == 0) zeros[warp] = __popc(zero);
        __syncthreads();
        unsigned before = 0, all = 0;
        for (int w = 0; w < 8; w++) {
            if (w < warp) before += zeros[w];
            all += zeros[w];
        }
        before += __popc(zero & ((1u << lane) - 1));
        a[v >> bit & 1 ? all + t - before : before] = v;
        __syncthreads();
        v = a[t];
    }
    data[blockIdx.x * 256 + t] = v;
}
