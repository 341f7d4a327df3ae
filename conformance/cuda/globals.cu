// Variables of the module, with and without initial values.

struct Entry {
    unsigned char kind;
    short weight;
    const int *where;
};

__device__ int counter = 40;
__device__ int scratch[64];
__device__ const int primes[8] = {2, 3, 5, 7, 11, 13, 17, 19};
__device__ Entry entries[3] = {{1, -2, primes}, {3, 400, primes + 4}, {255, -32768, nullptr}};
__device__ double half_turn = 3.14159265358979323846;
__device__ const char *const words[3] = {"zero", "one", "two"};
__constant__ long long offsets[4] = {1ll << 40, -1, 7, 0x123456789abcdef};

extern "C" __global__ void globals(int *out, double *d, long long *l) {
    int t = threadIdx.x;
    scratch[t] = primes[t % 8] * t;
    __syncthreads();
    const Entry &e = entries[t % 3];
    int v = e.where ? e.where[t % 4] : -1;
    out[t] = scratch[63 - t] + e.kind * 1000 + e.weight + v;
    out[64 + t] = words[t % 3][t % 3];
    d[t] = half_turn * t;
    l[t] = offsets[t % 4] + t;
    if (t == 0) counter += 2;
    __syncthreads();
    if (t == 1) out[128] = counter;
}
