// Histograms of bytes.

extern "C" __global__ void hist_global(unsigned *bins, const unsigned char *in, int n) {
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
        atomicAdd(bins + in[i], 1);
}

extern "C" __global__ void hist_shared(unsigned *bins, const unsigned *in, int words) {
    __shared__ unsigned mine[256];
    mine[threadIdx.x] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < words; i += gridDim.x * blockDim.x) {
        unsigned w = in[i];
        for (int s = 0; s < 32; s += 8) atomicAdd(mine + (w >> s & 255), 1);
    }
    __syncthreads();
    if (mine[threadIdx.x]) atomicAdd(bins + threadIdx.x, mine[threadIdx.x]);
}

// One atomic for the lanes that have the same value: the lowest adds for all.
extern "C" __global__ void hist_match(unsigned *bins, const unsigned char *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned v = in[i], same = __match_any_sync(~0u, v);
    if (threadIdx.x % 32 == __ffs(same) - 1) atomicAdd(bins + v, __popc(same));
}

// Counts by the leader of whoever is active; also says whether a warp agrees on its high nibble.
extern "C" __global__ void count_active(unsigned *count, const unsigned char *in, unsigned limit) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, agreed;
    unsigned same = __match_all_sync(~0u, in[i] >> 4, &agreed);
    if (in[i] < limit) {
        unsigned here = __activemask(), lane;
        asm("mov.u32 %0, %%laneid;" : "=r"(lane));
        if (lane == __ffs(here) - 1) atomicAdd(count, __popc(here));
    }
    if (agreed && threadIdx.x % 32 == 0) atomicAdd(count + 1, __popc(same));
}
