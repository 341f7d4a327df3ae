// Votes, shuffles and what of a warp is active.

extern "C" __global__ void votes(unsigned *out, const int *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, v = in[i];
    unsigned *o = out + i * 10;
    o[0] = __ballot_sync(~0u, v > 0);
    o[1] = __any_sync(~0u, v > 1000);
    o[2] = __all_sync(~0u, v < 1000);
    o[3] = __shfl_sync(~0u, v, v & 31);
    o[4] = __shfl_up_sync(~0u, v, 3, 8);
    o[5] = __shfl_down_sync(~0u, v, 5, 16);
    o[6] = __shfl_xor_sync(~0u, v, 9);
    o[7] = 0;
    if (v & 1) {
        unsigned here = __activemask();
        o[7] = __popc(__ballot_sync(here, v & 2)) + (__any_sync(here, v & 4) << 8);
    }
    unsigned uniform;
    asm("{.reg .pred p, q; setp.gt.s32 p, %1, 0; vote.sync.uni.pred q, p, 0xffffffff;"
        "selp.u32 %0, 1, 0, q;}" : "=r"(uniform) : "r"(v));
    o[8] = uniform;
    unsigned got;
    asm("{.reg .pred p; .reg .b32 r; shfl.sync.down.b32 r|p, %1, 4, 31, 0xffffffff;"
        "selp.u32 %0, r, 12345, p;}" : "=r"(got) : "r"(v));
    o[9] = got;
}

// Barriers that count: how many, whether all, whether any.
extern "C" __global__ void counting(int *out, const int *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int count = __syncthreads_count(in[i] & 1);
    int all = __syncthreads_and(in[i] > -1000), any = __syncthreads_or(in[i] == 7);
    out[i] = count * 4 + (all != 0) * 2 + (any != 0);
}

// Named barriers: one warp makes, another takes; bar.arrive does not wait.
extern "C" __global__ void named(int *out, const int *in) {
    __shared__ int box[2][32];
    int lane = threadIdx.x % 32, total = 0;
    if (threadIdx.x < 32) {
        for (int r = 0; r < 8; r++) {
            if (r >= 2) asm volatile("bar.sync %0, 64;" ::"r"(3 + r % 2) : "memory");
            box[r % 2][lane] = in[r * 32 + lane];
            asm volatile("bar.arrive %0, 64;" ::"r"(1 + r % 2) : "memory");
        }
        return;
    }
    for (int r = 0; r < 8; r++) {
        asm volatile("bar.sync %0, 64;" ::"r"(1 + r % 2) : "memory");
        total = total * 3 + box[r % 2][lane ^ 5];
        if (r < 6) asm volatile("bar.arrive %0, 64;" ::"r"(3 + r % 2) : "memory");
    }
    out[lane] = total;
}

// What each thread knows of its place.
extern "C" __global__ void places(unsigned *out) {
    unsigned lane, warp, less, equal, greater;
    asm("mov.u32 %0, %%laneid;" : "=r"(lane));
    asm("mov.u32 %0, %%lanemask_lt;" : "=r"(less));
    asm("mov.u32 %0, %%lanemask_eq;" : "=r"(equal));
    asm("mov.u32 %0, %%lanemask_gt;" : "=r"(greater));
    int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    int t = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
    warp = t / 32;
    unsigned *o = out + (block * blockDim.x * blockDim.y * blockDim.z + t) * 4;
    o[0] = lane | warp << 8 | block << 16;
    o[1] = less ^ equal;
    o[2] = greater;
    o[3] = threadIdx.x | threadIdx.y << 8 | threadIdx.z << 16 | blockDim.z << 24;
}
