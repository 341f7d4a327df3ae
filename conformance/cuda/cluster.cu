// Clusters: the shared memory of other CTAs.

#include <cooperative_groups.h>
namespace cg = cooperative_groups;

// A histogram of 512 bins over a cluster of 4, each with 128 of them (after the CUDA guide).
extern "C" __global__ void __cluster_dims__(4, 1, 1)
    cluster_histogram(unsigned *bins, const unsigned *in, int n) {
    __shared__ unsigned mine[128];
    cg::cluster_group cluster = cg::this_cluster();
    if (threadIdx.x < 128) mine[threadIdx.x] = 0;
    cluster.sync();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
        unsigned bin = in[i] % 512;
        unsigned *there = cluster.map_shared_rank(mine, bin / 128);
        atomicAdd(there + bin % 128, 1);
    }
    cluster.sync();
    if (threadIdx.x < 128)
        atomicAdd(bins + cluster.block_rank() * 128 + threadIdx.x, mine[threadIdx.x]);
}

// Each CTA sums its part; the first of the cluster reads the parts of all.
extern "C" __global__ void __cluster_dims__(4, 1, 1)
    cluster_reduce(unsigned *out, const unsigned *in) {
    __shared__ unsigned part;
    cg::cluster_group cluster = cg::this_cluster();
    if (threadIdx.x == 0) part = 0;
    __syncthreads();
    unsigned v = __reduce_add_sync(~0u, in[blockIdx.x * blockDim.x + threadIdx.x]);
    if (threadIdx.x % 32 == 0) atomicAdd(&part, v);
    cluster.sync();
    if (cluster.block_rank() == 0 && threadIdx.x < 4) {
        unsigned there = *cluster.map_shared_rank(&part, threadIdx.x);
        there = __reduce_add_sync(15, there);
        if (threadIdx.x == 0) out[blockIdx.x / 4] = there;
    }
    cluster.sync();
}

// Each CTA gives its neighbour on the right its values, by st.async and an mbarrier.
extern "C" __global__ void __cluster_dims__(2, 1, 1) cluster_pass(unsigned *out,
                                                                 const unsigned *in) {
    __shared__ unsigned box[32];
    __shared__ unsigned long long bar;
    cg::cluster_group cluster = cg::this_cluster();
    unsigned at = __cvta_generic_to_shared(box + threadIdx.x);
    unsigned wait = __cvta_generic_to_shared(&bar), to, there;
    if (threadIdx.x == 0) {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(wait));
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], 128;" ::"r"(wait));
    }
    cluster.sync();
    unsigned next = cluster.block_rank() ^ 1, v = in[blockIdx.x * 32 + threadIdx.x];
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(to) : "r"(at), "r"(next));
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(wait), "r"(next));
    asm volatile("st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.u32 [%0], %1, [%2];"
                 ::"r"(to), "r"(v), "r"(there) : "memory");
    asm volatile("{.reg .pred p; w: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], 0;"
                 "@!p bra w;}" ::"r"(wait) : "memory");
    out[blockIdx.x * 32 + threadIdx.x] = box[threadIdx.x];
    cluster.sync();
}
