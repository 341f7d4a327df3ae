// The Hopper instructions that our kernels use, each as a function.

#include <cuda.h>
#include <cuda_bf16.h>

__device__ inline unsigned shared_address(const void *p) { return __cvta_generic_to_shared(p); }

__device__ inline void mbarrier_init(unsigned long long *bar, unsigned count) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(bar)), "r"(count));
}

__device__ inline void mbarrier_expect(unsigned long long *bar, unsigned bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(
                     shared_address(bar)),
                 "r"(bytes)
                 : "memory");
}

__device__ inline void mbarrier_arrive(unsigned long long *bar) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(bar)) : "memory");
}

// Arrives at the same barrier of another CTA of the cluster.
__device__ inline void mbarrier_arrive_at(unsigned long long *bar, unsigned cta) {
    asm volatile("{.reg .b32 there;"
                 "mapa.shared::cluster.u32 there, %0, %1;"
                 "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there];}" ::"r"(
                     shared_address(bar)),
                 "r"(cta)
                 : "memory");
}

__device__ inline void mbarrier_wait(unsigned long long *bar, unsigned parity) {
    asm volatile("{.reg .pred done;"
                 "again: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;"
                 "@done bra end;"
                 "bra again;"
                 "end:}" ::"r"(shared_address(bar)),
                 "r"(parity)
                 : "memory");
}

__device__ inline void tma_load(void *to, const CUtensorMap *map, unsigned long long *bar, int x,
                                int y) {
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
                 " [%0], [%1, {%3, %4}], [%2];" ::"r"(shared_address(to)),
                 "l"(map), "r"(shared_address(bar)), "r"(x), "r"(y)
                 : "memory");
}

__device__ inline void tma_load_multicast(void *to, const CUtensorMap *map,
                                          unsigned long long *bar, int x, int y,
                                          unsigned short ctas) {
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
                 ".multicast::cluster [%0], [%1, {%3, %4}], [%2], %5;" ::"r"(shared_address(to)),
                 "l"(map), "r"(shared_address(bar)), "r"(x), "r"(y), "h"(ctas)
                 : "memory");
}

__device__ inline void tma_store(const CUtensorMap *map, const void *from, int x, int y) {
    asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group"
                 " [%0, {%2, %3}], [%1];" ::"l"(map),
                 "r"(shared_address(from)), "r"(x), "r"(y)
                 : "memory");
    asm volatile("cp.async.bulk.commit_group;");
    asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
}

__device__ inline void fence_barrier_init() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

__device__ inline void fence_async() {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

__device__ inline void cluster_sync() {
    asm volatile("barrier.cluster.arrive.release.aligned;"
                 "barrier.cluster.wait.acquire.aligned;" ::
                     : "memory");
}

__device__ inline unsigned cluster_rank() {
    unsigned r;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(r));
    return r;
}

// A descriptor of a tile of bf16 whose rows are 128 bytes, swizzled by 128 bytes (PTX ISA, matrix
// descriptor): address and strides in units of 16 bytes, 1024 bytes from one 8 rows to the next.
__device__ inline unsigned long long descriptor(const void *p) {
    unsigned long long at = (shared_address(p) & 0x3ffff) >> 4;
    return at | 1ull << 16 | 64ull << 32 | 1ull << 62;
}

__device__ inline void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void wgmma_commit() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
__device__ inline void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
}

// D (64 x 64, f32) += A (64 x 16) B^T (64 x 16), both bf16 in shared memory.
__device__ inline void wgmma_m64n64k16(float (&d)[32], unsigned long long a, unsigned long long b) {
    asm volatile(
        "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 "
        "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,"
        "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31}, %32, %33, 1, 1, 1, 0, 0;"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]),
          "+f"(d[7]), "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]),
          "+f"(d[14]), "+f"(d[15]), "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]),
          "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), "+f"(d[25]),
          "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
        : "l"(a), "l"(b));
}

// Four steps of k over a tile of 64 columns.
__device__ inline void wgmma_tile(float (&d)[32], const __nv_bfloat16 *a, const __nv_bfloat16 *b) {
    wgmma_fence();
    for (int s = 0; s < 4; s++) wgmma_m64n64k16(d, descriptor(a) + s * 2, descriptor(b) + s * 2);
    wgmma_commit();
    wgmma_wait();
}

// Where the accumulators of a warp group go (PTX ISA, wgmma, matrix D).
__device__ inline void store_tile(float *c, const float (&d)[32], int n) {
    int t = threadIdx.x % 128, row = t / 32 * 16 + t % 32 / 4, col = t % 4 * 2;
    for (int i = 0; i < 8; i++)
        for (int r = 0; r < 2; r++)
            *(float2 *)(c + (size_t)(row + r * 8) * n + i * 8 + col) =
                make_float2(d[i * 4 + r * 2], d[i * 4 + r * 2 + 1]);
}
