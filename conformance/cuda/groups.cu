// Cooperative groups: tiles that span warps, whose barriers lie in shared memory that the runtime
// keeps; and the grid, whose barrier lies in a workspace that a cooperative launch gives.

#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>
namespace cg = cooperative_groups;

extern "C" __global__ void tiles(int *out, const int *in) {
    __shared__ cg::block_tile_memory<256> memory;
    cg::thread_block block = cg::this_thread_block(memory);
    cg::thread_block_tile<128> tile = cg::tiled_partition<128>(block);
    int v = in[blockIdx.x * blockDim.x + threadIdx.x];
    int sum = cg::reduce(tile, v, cg::plus<int>());
    int high = cg::reduce(cg::tiled_partition<16>(block), v, cg::greater<int>());
    int together = 0;
    if (v & 1) together = cg::coalesced_threads().num_threads();
    out[blockIdx.x * blockDim.x + threadIdx.x] = sum + high * 1000 + together;
}

// Doubling: after k steps each holds the sum of 2^k neighbours.
extern "C" __global__ void grid_sums(int *a, int *b, int steps) {
    cg::grid_group grid = cg::this_grid();
    int n = grid.size(), i = grid.thread_rank();
    for (int s = 0; s < steps; s++) {
        b[i] = __ldcg(a + i) + __ldcg(a + (i + (1 << s)) % n);
        grid.sync();
        int *t = a;
        a = b;
        b = t;
    }
}
