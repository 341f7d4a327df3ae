// The forward pass of attention as FlashAttention-3 arranges it (Shah et al., 2024): one warp group
// loads by TMA; each of the others keeps 64 queries, takes turns with its peers on the Tensor Cores,
// and has the scores of the next keys multiplied while it takes the exponentials of the last ones.

#include "wgmma.cuh"

#define STAGES 2
#define CHUNK 64 // columns that a swizzled row of 128 bytes holds

__device__ inline void load(void *to, const CUtensorMap *map, unsigned long long *bar, int x, int y,
                            int z) {
    asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
                 " [%0], [%1, {%3, %4, %5}], [%2];" ::"r"(shared_address(to)),
                 "l"(map), "r"(shared_address(bar)), "r"(x), "r"(y), "r"(z)
                 : "memory");
}

__device__ inline void store(const CUtensorMap *map, const void *from, int x, int y, int z) {
    asm volatile("cp.async.bulk.tensor.3d.global.shared::cta.tile.bulk_group"
                 " [%0, {%2, %3, %4}], [%1];" ::"l"(map),
                 "r"(shared_address(from)), "r"(x), "r"(y), "r"(z)
                 : "memory");
}

__device__ inline void stmatrix(unsigned at, unsigned a, unsigned b, unsigned c, unsigned d) {
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared::cta.b16 [%0], {%1, %2, %3, %4};" ::"r"(at),
                 "r"(a), "r"(b), "r"(c), "r"(d)
                 : "memory");
}

__device__ inline unsigned pack(float lo, float hi) {
    unsigned r;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
    return r;
}

__device__ inline float exp2_approx(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

__device__ inline void wait_but_one() {
    asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
}

// A warp group waits for its turn; the one before it gives it.
__device__ inline void take_turn(int group) {
    asm volatile("bar.sync %0, 256;" ::"r"(group + 1) : "memory");
}
__device__ inline void give_turn(int group) {
    asm volatile("bar.arrive %0, 256;" ::"r"(group + 1) : "memory");
}

// The 16 rows from the given one of a tile of so many rows as the B operand whose columns are
// contiguous: 1024 bytes from 8 rows to the next, a chunk's bytes from 64 columns to the next.
template <int ROWS> __device__ inline unsigned long long rows_descriptor(const __nv_bfloat16 *p) {
    unsigned long long at = (shared_address(p) & 0x3ffff) >> 4;
    return at | (unsigned long long)(ROWS * 8) << 16 | 64ull << 32 | 1ull << 62;
}

// What the CTA shares, and where its operands lie.
template <int D, int BM, int BN> struct Shared {
    static constexpr int Q = BM * D, KV = BN * D;
    unsigned long long *bars;
    __nv_bfloat16 *q, *k, *v;
    __device__ unsigned long long *full_k(int s) { return bars + s; }
    __device__ unsigned long long *empty_k(int s) { return bars + 2 + s; }
    __device__ unsigned long long *full_v(int s) { return bars + 4 + s; }
    __device__ unsigned long long *empty_v(int s) { return bars + 6 + s; }
    __device__ unsigned long long *full_q() { return bars + 8; }
    __device__ unsigned long long *empty_q() { return bars + 9; }
    __device__ unsigned long long *stored() { return bars + 10; }
};

// A stage of a ring, and whether its barriers are in their first or second phase.
struct Place {
    int s = 0, phase = 0;
    __device__ void step() {
        if (++s == STAGES) s = 0, phase ^= 1;
    }
};

// Which queries the t-th tile has. With a mask the ones with most keys come first.
template <bool CAUSAL, int BM, int BN>
__device__ inline int tile(int t, int tiles, int len, int &query, int &head) {
    head = t / tiles;
    query = (CAUSAL ? tiles - 1 - t % tiles : t % tiles) * BM;
    int keys = CAUSAL ? min(query + BM, len) : len;
    return (keys + BN - 1) / BN;
}

template <int D, int ROWS>
__device__ inline void load_rows(__nv_bfloat16 *to, const CUtensorMap *map, unsigned long long *bar,
                                 int row, int head) {
    mbarrier_expect(bar, ROWS * D * 2);
    for (int c = 0; c < D / CHUNK; c++) load(to + c * ROWS * CHUNK, map, bar, c * CHUNK, row, head);
}

template <int D, int BM, int BN, bool CAUSAL>
__device__ inline void produce(Shared<D, BM, BN> m, const CUtensorMap *q, const CUtensorMap *k,
                               const CUtensorMap *v, int tiles, int heads, int len) {
    Place pk, pv;
    int turn = 1;
    for (int t = blockIdx.x; t < tiles * heads; t += gridDim.x, turn ^= 1) {
        int query, head, n = tile<CAUSAL, BM, BN>(t, tiles, len, query, head);
        auto next_k = [&](int i) {
            mbarrier_wait(m.empty_k(pk.s), pk.phase ^ 1);
            load_rows<D, BN>(m.k + pk.s * m.KV, k, m.full_k(pk.s), i * BN, head);
            pk.step();
        };
        auto next_v = [&](int i) {
            mbarrier_wait(m.empty_v(pv.s), pv.phase ^ 1);
            load_rows<D, BN>(m.v + pv.s * m.KV, v, m.full_v(pv.s), i * BN, head);
            pv.step();
        };
        mbarrier_wait(m.empty_q(), turn);
        load_rows<D, BM>(m.q, q, m.full_q(), query, head);
        next_k(n - 1);
        mbarrier_wait(m.stored(), turn); // the last tile's results lie where V comes
        for (int i = n - 1; i > 0; i--) {
            next_k(i - 1);
            next_v(i);
        }
        next_v(0);
    }
}

// The scores' rows of a thread: their highest score and their sum of exponentials.
struct Rows {
    float high[2], sum[2], shrink[2];
};

// Scores that the mask hides, and those of keys that are not there.
template <int N, bool CAUSAL>
__device__ inline void hide(float (&s)[N], int key, int query, int len) {
#pragma unroll
    for (int i = 0; i < N; i++) {
        int j = key + i / 4 * 8 + i % 2, r = query + i % 4 / 2 * 8;
        if (j >= len || CAUSAL && j > r) s[i] = -1e30f;
    }
}

// Exponentials in place of scores; what earlier results are to be multiplied with is in shrink.
template <int N> __device__ inline void softmax(float (&s)[N], Rows &w, float scale) {
    float low[2];
#pragma unroll
    for (int r = 0; r < 2; r++) low[r] = w.high[r];
#pragma unroll
    for (int i = 0; i < N; i++) low[i / 2 % 2] = fmaxf(low[i / 2 % 2], s[i]);
#pragma unroll
    for (int d = 1; d < 4; d *= 2)
#pragma unroll
        for (int r = 0; r < 2; r++) low[r] = fmaxf(low[r], __shfl_xor_sync(~0u, low[r], d));
#pragma unroll
    for (int r = 0; r < 2; r++) {
        w.shrink[r] = exp2_approx((w.high[r] - low[r]) * scale);
        w.high[r] = low[r];
        w.sum[r] *= w.shrink[r];
        low[r] *= scale;
    }
#pragma unroll
    for (int i = 0; i < N; i++) s[i] = exp2_approx(s[i] * scale - low[i / 2 % 2]);
#pragma unroll
    for (int i = 0; i < N; i++) w.sum[i / 2 % 2] += s[i];
}

template <int D, int BM, int BN>
__device__ inline void scores(float (&s)[BN / 2], const __nv_bfloat16 *q, const __nv_bfloat16 *k) {
    wgmma_fence();
#pragma unroll
    for (int i = 0; i < D / 16; i++)
        wgmma_step(s, descriptor(q + i / 4 * BM * CHUNK) + i % 4 * 2,
                   descriptor(k + i / 4 * BN * CHUNK) + i % 4 * 2, i > 0);
    wgmma_commit();
}

template <int D, int BN>
__device__ inline void weigh(float (&o)[D / 2], const unsigned (&p)[BN / 4],
                             const __nv_bfloat16 *v) {
    wgmma_fence();
#pragma unroll
    for (int i = 0; i < BN / 16; i++)
        wgmma_rows(o, p[4 * i], p[4 * i + 1], p[4 * i + 2], p[4 * i + 3],
                   rows_descriptor<BN>(v) + i * 128);
    wgmma_commit();
}

template <int N> __device__ inline void narrow(unsigned (&p)[N / 2], const float (&s)[N]) {
#pragma unroll
    for (int i = 0; i < N / 2; i++) p[i] = pack(s[2 * i], s[2 * i + 1]);
}

template <int N> __device__ inline void multiply(float (&o)[N], const float (&by)[2]) {
#pragma unroll
    for (int i = 0; i < N; i++) o[i] *= by[i / 2 % 2];
}

// One of each warp says that it is done with something.
__device__ inline void release(unsigned long long *bar) {
    if (threadIdx.x % 32 == 0) mbarrier_arrive(bar);
}

// The results of a warp group go to shared memory, swizzled, and from there by TMA.
template <int D>
__device__ inline void put(__nv_bfloat16 *at, const float (&o)[D / 2], const CUtensorMap *map,
                           int group, int query, int head) {
    int lane = threadIdx.x % 32, r = threadIdx.x % 128 / 32 * 16 + lane % 16;
    unsigned to = shared_address(at) + r * 128;
#pragma unroll
    for (int j = 0; j < D / 16; j++)
        stmatrix(to + j / 4 * CHUNK * 128 + ((j % 4 * 2 + lane / 16) ^ (r & 7)) * 16,
                 pack(o[8 * j], o[8 * j + 1]), pack(o[8 * j + 2], o[8 * j + 3]),
                 pack(o[8 * j + 4], o[8 * j + 5]), pack(o[8 * j + 6], o[8 * j + 7]));
    fence_async();
    asm volatile("bar.sync %0, 128;" ::"r"(group + 8) : "memory");
    if (threadIdx.x % 128 == 0) {
        for (int c = 0; c < D / CHUNK; c++)
            store(map, at + c * CHUNK * CHUNK, c * CHUNK, query, head);
        asm volatile("cp.async.bulk.commit_group;");
        asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory");
    }
    __syncwarp();
}

template <int D, int BM, int BN, bool CAUSAL>
__device__ inline void consume(Shared<D, BM, BN> m, const CUtensorMap *out, int tiles, int heads,
                               int len, float scale) {
    const int groups = BM / 64;
    int group = threadIdx.x / 128 - 1, lane = threadIdx.x % 32;
    int row = group * 64 + threadIdx.x % 128 / 32 * 16 + lane / 4, column = lane % 4 * 2;
    __nv_bfloat16 *q = m.q + group * 64 * CHUNK;
    Place pk, pv;
    int turn = 0;
    if (group == 0) give_turn(0);
    for (int t = blockIdx.x; t < tiles * heads; t += gridDim.x, turn ^= 1) {
        int query, head, n = tile<CAUSAL, BM, BN>(t, tiles, len, query, head);
        float o[D / 2] = {}, s[BN / 2];
        unsigned p[BN / 4];
        Rows w = {{-1e30f, -1e30f}};

        mbarrier_wait(m.full_q(), turn);
        mbarrier_wait(m.full_k(pk.s), pk.phase);
        scores<D, BM, BN>(s, q, m.k + pk.s * m.KV);
        wgmma_wait();
        release(m.empty_k(pk.s));
        pk.step();
        hide<BN / 2, CAUSAL>(s, (n - 1) * BN + column, query + row, len);
        softmax(s, w, scale);
        narrow(p, s);

        auto step = [&](int i, auto masked) {
            mbarrier_wait(m.full_k(pk.s), pk.phase);
            take_turn(group);
            scores<D, BM, BN>(s, q, m.k + pk.s * m.KV);
            multiply(o, w.shrink);
            mbarrier_wait(m.full_v(pv.s), pv.phase);
            weigh<D, BN>(o, p, m.v + pv.s * m.KV);
            give_turn((group + 1) % groups);
            wait_but_one();
            release(m.empty_k(pk.s));
            pk.step();
            if (masked) hide<BN / 2, CAUSAL>(s, i * BN + column, query + row, len);
            softmax(s, w, scale);
            wgmma_wait();
            release(m.empty_v(pv.s));
            pv.step();
            narrow(p, s);
        };
        int i = n - 2;
        if (CAUSAL)
            for (; i >= 0 && (i + 1) * BN > query; i--) step(i, true);
        for (; i >= 0; i--) step(i, false);

        release(m.empty_q());
        multiply(o, w.shrink);
        mbarrier_wait(m.full_v(pv.s), pv.phase);
        weigh<D, BN>(o, p, m.v + pv.s * m.KV);
#pragma unroll
        for (int r = 0; r < 2; r++) {
            w.sum[r] += __shfl_xor_sync(~0u, w.sum[r], 1);
            w.sum[r] += __shfl_xor_sync(~0u, w.sum[r], 2);
            w.sum[r] = __frcp_rn(w.sum[r]);
        }
        wgmma_wait();
        release(m.empty_v(pv.s));
        pv.step();
        multiply(o, w.sum);
        asm volatile("bar.sync 7, %0;" ::"n"(BM * 2) : "memory"); // nobody reads V any more
        put<D>(m.v + group * 64 * D, o, out, group, query + group * 64, head);
        release(m.stored());
    }
    if (threadIdx.x % 128 == 0) asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
}

template <int D, int BM, int BN, bool CAUSAL, int FEW, int MANY>
__device__ inline void attend(const CUtensorMap *out, const CUtensorMap *q, const CUtensorMap *k,
                              const CUtensorMap *v, int tiles, int heads, int len, float scale) {
    extern __shared__ __align__(1024) __nv_bfloat16 smem[];
    __shared__ unsigned long long bars[11];
    Shared<D, BM, BN> m = {bars, smem, smem + m.Q, smem + m.Q + STAGES * m.KV};
    if (threadIdx.x == 0) {
        for (int i = 0; i < 11; i++) // what is full comes by one copy, what is empty from all warps
            mbarrier_init(bars + i, i < 2 || i == 4 || i == 5 || i == 8 ? 1 : BM / 16);
        fence_barrier_init();
    }
    __syncthreads();
    if (threadIdx.x < 128) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(FEW));
        if (threadIdx.x == 0) produce<D, BM, BN, CAUSAL>(m, q, k, v, tiles, heads, len);
        return;
    }
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(MANY));
    consume<D, BM, BN, CAUSAL>(m, out, tiles, heads, len, scale);
}

// Maps have three dimensions: 64 columns, queries or keys, heads. Their boxes: out 64 rows, q BM, k
// and v BN. tiles are those of a head; CTAs take one after the other. Sizes and registers as in the
// paper's code.
#define KERNEL(NAME, D, BM, BN, CAUSAL, FEW, MANY)                                                 \
    extern "C" __global__ void __launch_bounds__(BM * 2 + 128, 1)                                  \
        NAME(const __grid_constant__ CUtensorMap out, const __grid_constant__ CUtensorMap q,       \
             const __grid_constant__ CUtensorMap k, const __grid_constant__ CUtensorMap v,         \
             int tiles, int heads, int len, float scale) {                                         \
        attend<D, BM, BN, CAUSAL, FEW, MANY>(&out, &q, &k, &v, tiles, heads, len, scale);          \
    }

KERNEL(flash64, 64, 192, 128, false, 32, 160)
KERNEL(flash64_causal, 64, 192, 128, true, 32, 160)
KERNEL(flash128, 128, 128, 176, false, 24, 240)
KERNEL(flash128_causal, 128, 128, 128, true, 24, 240)
