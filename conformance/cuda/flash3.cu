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

__device__ inline void load_for_all(void *to, const CUtensorMap *map, unsigned long long *bar,
                                    int x, int y, int z, unsigned short ctas) {
    asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
                 ".multicast::cluster [%0], [%1, {%3, %4, %5}], [%2], %6;" ::"r"(
                     shared_address(to)),
                 "l"(map), "r"(shared_address(bar)), "r"(x), "r"(y), "r"(z), "h"(ctas)
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

// What a kernel is made for: columns, queries and keys of a tile, whether keys after a query are
// hidden, and the CTAs of a cluster, which load keys and values for one another.
template <int DIM, int ROWS, int KEYS, bool MASK, int CTAS> struct Form {
    static constexpr int D = DIM, BM = ROWS, BN = KEYS, C = CTAS;
    static constexpr bool CAUSAL = MASK;
};

// What the CTA shares, and where its operands lie.
template <class F> struct Shared {
    static constexpr int Q = F::BM * F::D, KV = F::BN * F::D;
    unsigned long long *bars;
    int *tile;
    __nv_bfloat16 *q, *k, *v;
    __device__ unsigned long long *full_k(int s) { return bars + s; }
    __device__ unsigned long long *empty_k(int s) { return bars + 2 + s; }
    __device__ unsigned long long *full_v(int s) { return bars + 4 + s; }
    __device__ unsigned long long *empty_v(int s) { return bars + 6 + s; }
    __device__ unsigned long long *full_q() { return bars + 8; }
    __device__ unsigned long long *empty_q() { return bars + 9; }
    __device__ unsigned long long *stored() { return bars + 10; }
    __device__ unsigned long long *full_tile() { return bars + 11; }
    __device__ unsigned long long *empty_tile() { return bars + 12; }
    __device__ void init() {
        for (int i = 0; i < 13; i++) // what is full comes at once, what is empty from every warp
            mbarrier_init(bars + i, i < 2 || i == 4 || i == 5 || i == 8 || i == 11 ? 1
                          : i == 9 || i == 12 ? F::BM / 16 : F::BM / 16 * F::C);
        fence_barrier_init();
    }
};

// The tiles of all heads. CTAs take them in turn; those that the mask makes unlike, as they get
// ready, by a count of those taken.
struct Tiles {
    int *taken, each, heads, len;
};

// A stage of a ring, and whether its barriers are in their first or second phase.
struct Place {
    int s = 0, phase = 0;
    __device__ void step() {
        if (++s == STAGES) s = 0, phase ^= 1;
    }
};

// Which queries the t-th tile has, and how many tiles of keys. With a mask those with most keys come
// first.
template <class F> __device__ inline int tile(int t, const Tiles &all, int &query, int &head) {
    head = t / all.each;
    query = (F::CAUSAL ? all.each - 1 - t % all.each : t % all.each) * F::BM;
    int keys = F::CAUSAL ? min(query + F::BM, all.len) : all.len;
    return (keys + F::BN - 1) / F::BN;
}

// Rows of all columns; a cluster's CTAs load a part each, for all of them.
template <int D, int ROWS, int C>
__device__ inline void load_rows(__nv_bfloat16 *to, const CUtensorMap *map, unsigned long long *bar,
                                 int row, int head) {
    mbarrier_expect(bar, ROWS * D * 2);
    int part = C > 1 ? cluster_rank() * (ROWS / C) : 0;
    for (int c = 0; c < D / CHUNK; c++) {
        __nv_bfloat16 *at = to + (c * ROWS + part) * CHUNK;
        if (C > 1)
            load_for_all(at, map, bar, c * CHUNK, row + part, head, (1 << C) - 1);
        else
            load(at, map, bar, c * CHUNK, row, head);
    }
}

template <class F>
__device__ inline void produce(Shared<F> m, const CUtensorMap *q, const CUtensorMap *k,
                               const CUtensorMap *v, const Tiles &all) {
    Place pk, pv;
    int t = blockIdx.x, turn = 1;
    while (true) {
        mbarrier_wait(m.empty_tile(), turn);
        *m.tile = t;
        mbarrier_arrive(m.full_tile());
        if (t >= all.each * all.heads) return;
        int query, head, n = tile<F>(t, all, query, head);
        auto next_k = [&](int i) {
            mbarrier_wait(m.empty_k(pk.s), pk.phase ^ 1);
            load_rows<F::D, F::BN, F::C>(m.k + pk.s * m.KV, k, m.full_k(pk.s), i * F::BN, head);
            pk.step();
        };
        auto next_v = [&](int i) {
            mbarrier_wait(m.empty_v(pv.s), pv.phase ^ 1);
            load_rows<F::D, F::BN, F::C>(m.v + pv.s * m.KV, v, m.full_v(pv.s), i * F::BN, head);
            pv.step();
        };
        mbarrier_wait(m.empty_q(), turn);
        load_rows<F::D, F::BM, 1>(m.q, q, m.full_q(), query, head);
        next_k(n - 1);
        t = F::CAUSAL ? atomicAdd(all.taken, 1) + gridDim.x : t + gridDim.x;
        mbarrier_wait(m.stored(), turn); // the last tile's results lie where V comes
        for (int i = n - 1; i > 0; i--) {
            next_k(i - 1);
            next_v(i);
        }
        next_v(0);
        turn ^= 1;
    }
}

// The scores' rows of a thread: their highest score and their sum of exponentials.
struct Rows {
    float high[2], sum[2], shrink[2];
};

// Scores that the mask hides, and those of keys that are not there: from where on in a thread's rows
// is worked out once, so that a score takes one comparison.
template <int N, bool CAUSAL>
__device__ inline void hide(float (&s)[N], int key, int query, int len) {
    int end[2];
#pragma unroll
    for (int r = 0; r < 2; r++) end[r] = (CAUSAL ? min(len, query + r * 8 + 1) : len) - key;
#pragma unroll
    for (int i = 0; i < N; i++)
        if (i / 4 * 8 + i % 2 >= end[i / 2 % 2]) s[i] = -1e30f;
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

// One of each warp says that it is done with something, to all who fill it.
template <int C> __device__ inline void release(unsigned long long *bar) {
    if (C > 1 && threadIdx.x % 32 < C) mbarrier_arrive_at(bar, threadIdx.x % 32);
    if (C == 1 && threadIdx.x % 32 == 0) mbarrier_arrive(bar);
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

template <class F>
__device__ inline void consume(Shared<F> m, const CUtensorMap *out, const Tiles &all, float scale) {
    constexpr int D = F::D, BM = F::BM, BN = F::BN, C = F::C, groups = BM / 64;
    int group = threadIdx.x / 128 - 1, lane = threadIdx.x % 32;
    int row = group * 64 + threadIdx.x % 128 / 32 * 16 + lane / 4, column = lane % 4 * 2;
    __nv_bfloat16 *q = m.q + group * 64 * CHUNK;
    Place pk, pv;
    if (group == 0) give_turn(0);
    for (int turn = 0;; turn ^= 1) {
        mbarrier_wait(m.full_tile(), turn);
        int t = *m.tile;
        release<1>(m.empty_tile());
        if (t >= all.each * all.heads) break;
        int query, head, n = tile<F>(t, all, query, head);
        float o[D / 2] = {}, s[BN / 2];
        unsigned p[BN / 4];
        Rows w = {{-1e30f, -1e30f}};

        mbarrier_wait(m.full_q(), turn);
        mbarrier_wait(m.full_k(pk.s), pk.phase);
        scores<D, BM, BN>(s, q, m.k + pk.s * m.KV);
        wgmma_wait();
        release<C>(m.empty_k(pk.s));
        pk.step();
        hide<BN / 2, F::CAUSAL>(s, (n - 1) * BN + column, query + row, all.len);
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
            release<C>(m.empty_k(pk.s));
            pk.step();
            if (masked) hide<BN / 2, F::CAUSAL>(s, i * BN + column, query + row, all.len);
            softmax(s, w, scale);
            wgmma_wait();
            release<C>(m.empty_v(pv.s));
            pv.step();
            narrow(p, s);
        };
        int i = n - 2;
        if (F::CAUSAL)
            for (; i >= 0 && (i + 1) * BN > query; i--) step(i, true);
        for (; i >= 0; i--) step(i, false);

        release<1>(m.empty_q());
        multiply(o, w.shrink);
        mbarrier_wait(m.full_v(pv.s), pv.phase);
        weigh<D, BN>(o, p, m.v + pv.s * m.KV);
#pragma unroll
        for (int r = 0; r < 2; r++) {
            w.sum[r] += __shfl_xor_sync(~0u, w.sum[r], 1);
            w.sum[r] += __shfl_xor_sync(~0u, w.sum[r], 2);
            asm("rcp.approx.ftz.f32 %0, %0;" : "+f"(w.sum[r]));
        }
        wgmma_wait();
        release<C>(m.empty_v(pv.s));
        pv.step();
        multiply(o, w.sum);
        asm volatile("bar.sync 7, %0;" ::"n"(BM * 2) : "memory"); // nobody reads V any more
        put<D>(m.v + group * 64 * D, o, out, group, query + group * 64, head);
        release<C>(m.stored());
    }
    if (threadIdx.x % 128 == 0) asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
}

template <class F, int FEW, int MANY>
__device__ inline void attend(const CUtensorMap *out, const CUtensorMap *q, const CUtensorMap *k,
                              const CUtensorMap *v, const Tiles &all, float scale) {
    extern __shared__ __align__(1024) __nv_bfloat16 smem[];
    __shared__ unsigned long long bars[13];
    __shared__ int next;
    Shared<F> m = {bars, &next, smem, smem + m.Q, smem + m.Q + STAGES * m.KV};
    if (threadIdx.x == 0) m.init();
    F::C > 1 ? cluster_sync() : __syncthreads();
    if (threadIdx.x < 128) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(FEW));
        if (threadIdx.x == 0) produce<F>(m, q, k, v, all);
        __syncwarp();
    } else {
        asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(MANY));
        consume<F>(m, out, all, scale);
    }
    if (F::C > 1) cluster_sync(); // nobody goes whom another may still write to
}

// Maps have three dimensions: columns, queries or keys, heads. Their boxes have 64 columns and these
// rows: out 64, q BM, k and v BN over the CTAs of a cluster. Sizes, registers and clusters are those
// of the paper's code, as recalled [R]; a cluster needs heads with an even number of tiles.
#define KERNEL(NAME, D, BM, BN, CAUSAL, C, FEW, MANY)                                              \
    extern "C" __global__ void __launch_bounds__(BM * 2 + 128, 1)                                  \
        NAME(const __grid_constant__ CUtensorMap out, const __grid_constant__ CUtensorMap q,       \
             const __grid_constant__ CUtensorMap k, const __grid_constant__ CUtensorMap v,         \
             int *taken, int tiles, int heads, int len, float scale) {                             \
        attend<Form<D, BM, BN, CAUSAL, C>, FEW, MANY>(&out, &q, &k, &v, {taken, tiles, heads, len},\
                                                      scale);                                      \
    }

KERNEL(flash64, 64, 192, 128, false, 1, 32, 160)
KERNEL(flash64_causal, 64, 192, 128, true, 1, 32, 160)
KERNEL(flash128, 128, 128, 176, false, 1, 24, 240)
KERNEL(flash128_pair, 128, 128, 176, false, 2, 24, 240)
KERNEL(flash128_causal, 128, 128, 128, true, 1, 24, 240)
