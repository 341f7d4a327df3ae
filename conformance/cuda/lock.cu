// Locks and order: what acquire and release promise.

__device__ unsigned load_acquire(const unsigned *p) {
    unsigned v;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
    return v;
}

__device__ void store_release(unsigned *p, unsigned v) {
    asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(p), "r"(v) : "memory");
}

// A lock that is taken by compare and swap; what it guards is an ordinary sum.
extern "C" __global__ void spin_lock(unsigned *lock, unsigned *sum, const unsigned *in) {
    unsigned v = in[blockIdx.x * blockDim.x + threadIdx.x], old;
    for (bool done = false; !done;) {
        asm volatile("atom.acquire.gpu.global.cas.b32 %0, [%1], 0, 1;"
                     : "=r"(old)
                     : "l"(lock)
                     : "memory");
        if (old != 0) continue;
        *(volatile unsigned *)sum += v;
        store_release(lock, 0);
        done = true;
    }
}

// Tickets: served in the order in which they were drawn; a thread a block.
extern "C" __global__ void ticket_lock(unsigned *next, unsigned *serving, unsigned *hash) {
    if (threadIdx.x != 0) return;
    unsigned mine = atomicAdd(next, 1);
    while (load_acquire(serving) != mine) __nanosleep(20);
    *(volatile unsigned *)hash = *(volatile unsigned *)hash * 31 + mine;
    store_release(serving, mine + 1);
}

// One warp writes a message, another reads it when the flag says so.
extern "C" __global__ void message(unsigned *out, unsigned *box, unsigned *flag,
                                   const unsigned *in) {
    int lane = threadIdx.x % 32;
    if (threadIdx.x < 32) {
        box[lane] = in[lane] * 3;
        __syncwarp();
        __threadfence();
        if (lane == 0) asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(flag) : "memory");
    } else {
        while (load_acquire(flag) == 0) {
        }
        out[lane] = box[lane ^ 1];
    }
}
