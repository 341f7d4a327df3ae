// What sm_90 added for single warps and grids: dependent launch, election, bulk copies, sleep.

// Two kernels in a row: the second may start early, and waits for the first where it must.
extern "C" __global__ void produce(int *box, int *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) box[i] = i * i;
    asm volatile("griddepcontrol.launch_dependents;");
}

extern "C" __global__ void consume(int *box, int *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    asm volatile("griddepcontrol.wait;" ::: "memory");
    if (i < n) out[i] = box[n - 1 - i] + 1;
}

// One lane of each warp is chosen and signs for it. The lowest is what hardware is seen to choose,
// but not what it promises; so any lane of the mask will do.
extern "C" __global__ void elect(unsigned *out) {
    unsigned leader, chosen;
    asm volatile("{.reg .pred p; elect.sync %0|p, 0xffffffff; selp.u32 %1, 1, 0, p;}"
                 : "=r"(leader), "=r"(chosen));
    unsigned all = __ballot_sync(~0u, chosen);
    if (chosen) out[threadIdx.x / 32] = __popc(all) + (all == 1u << leader);
    __nanosleep(100);
}

// A bulk copy into shared memory, counted by an mbarrier, and one back.
extern "C" __global__ void bulk(unsigned *out, const unsigned *in) {
    __shared__ __align__(128) unsigned box[256];
    __shared__ unsigned long long bar;
    unsigned at = __cvta_generic_to_shared(box), wait = __cvta_generic_to_shared(&bar);
    if (threadIdx.x == 0) {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(wait));
        asm volatile("fence.mbarrier_init.release.cluster;");
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], 1024;" ::"r"(wait));
        asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes"
                     " [%0], [%1], 1024, [%2];" ::"r"(at), "l"(in + blockIdx.x * 256), "r"(wait)
                     : "memory");
    }
    __syncthreads();
    asm volatile("{.reg .pred p; w: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], 0;"
                 "@!p bra w;}" ::"r"(wait) : "memory");
    box[threadIdx.x] = box[threadIdx.x] * 3 + threadIdx.x;
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    __syncthreads();
    if (threadIdx.x == 0) {
        asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], 1024;" ::"l"(
                         out + blockIdx.x * 256), "r"(at) : "memory");
        asm volatile("cp.async.bulk.commit_group;");
        asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
    }
}

// cp.async whose completion is counted by an mbarrier; a row each way.
extern "C" __global__ void counted(unsigned *out, const unsigned *in) {
    __shared__ unsigned box[128];
    __shared__ unsigned long long bar;
    unsigned at = __cvta_generic_to_shared(box + threadIdx.x);
    unsigned wait = __cvta_generic_to_shared(&bar), t = threadIdx.x;
    if (t == 0) asm volatile("mbarrier.init.shared::cta.b64 [%0], 128;" ::"r"(wait));
    __syncthreads();
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(at), "l"(in + blockIdx.x * 128 + t)
                 : "memory");
    asm volatile("cp.async.mbarrier.arrive.noinc.shared.b64 [%0];" ::"r"(wait) : "memory");
    asm volatile("{.reg .pred p; w: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], 0;"
                 "@!p bra w;}" ::"r"(wait) : "memory");
    out[blockIdx.x * 128 + t] = box[127 - t];
}

// Matrices through stmatrix and movmatrix: a transpose of 8 x 8 of 16 bits.
extern "C" __global__ void matrices(unsigned *out, const unsigned *in) {
    __shared__ __align__(16) unsigned short tile[64];
    unsigned v = in[blockIdx.x * 32 + threadIdx.x], t;
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(t) : "r"(v));
    unsigned row = __cvta_generic_to_shared(tile + threadIdx.x % 8 * 8);
    asm volatile("stmatrix.sync.aligned.m8n8.x1.shared.b16 [%0], {%1};" ::"r"(row), "r"(t)
                 : "memory");
    __syncwarp();
    out[blockIdx.x * 32 + threadIdx.x] = *(unsigned *)(tile + threadIdx.x * 2);
}

// 128 bits at once: a lock-free pair of a count and a sum, and a value that goes round.
extern "C" __global__ void quads(unsigned long long *pair, unsigned long long *ring,
                                 const unsigned *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned long long count = 0, sum = 0, seen_count, seen_sum;
    for (bool done = false; !done;) {
        asm volatile("{.reg .b128 a, b, d; mov.b128 a, {%2, %3}; mov.b128 b, {%4, %5};"
                     "atom.relaxed.gpu.global.cas.b128 d, [%6], a, b; mov.b128 {%0, %1}, d;}"
                     : "=l"(seen_count), "=l"(seen_sum)
                     : "l"(count), "l"(sum), "l"(count + 1), "l"(sum + in[i]), "l"(pair)
                     : "memory");
        done = seen_count == count && seen_sum == sum;
        count = seen_count;
        sum = seen_sum;
    }
    asm volatile("{.reg .b128 a, d; mov.b128 a, {%2, %3};"
                 "atom.relaxed.gpu.global.exch.b128 d, [%4], a; mov.b128 {%0, %1}, d;}"
                 : "=l"(seen_count), "=l"(seen_sum)
                 : "l"((unsigned long long)i + 1), "l"((unsigned long long)in[i]), "l"(ring)
                 : "memory");
    atomicAdd(ring + 2, seen_count);
    atomicAdd(ring + 3, seen_sum);
}

// Loads and stores that say how long a line is worth keeping.
extern "C" __global__ void policies(unsigned *out, const unsigned *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned long long keep, drop;
    unsigned v;
    asm("createpolicy.fractional.L2::evict_last.b64 %0, 1.0;" : "=l"(keep));
    asm("createpolicy.fractional.L2::evict_first.L2::evict_unchanged.b64 %0, 0.5;" : "=l"(drop));
    asm volatile("prefetch.global.L2 [%0];" ::"l"(in + i));
    asm volatile("ld.global.L2::cache_hint.u32 %0, [%1], %2;" : "=r"(v) : "l"(in + i), "l"(keep));
    asm volatile("st.global.L2::cache_hint.u32 [%0], %1, %2;" ::"l"(out + i), "r"(~v), "l"(drop)
                 : "memory");
}
