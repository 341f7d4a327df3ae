// What a kernel says, and what it insists on.

#include <assert.h>
#include <stdio.h>

extern "C" __global__ void hello(int *out, const int *in) {
    int i = threadIdx.x;
    if (i % 8 == 0)
        out[i] = printf("thread %d of block %u: %5d %08x %c%% %s\n", i, blockIdx.x, in[i], in[i],
                        'a' + i % 26, in[i] < 0 ? "below" : "above");
    if (i == 3) printf("%.3f %e %lld\n", in[i] / 8.0, 1.5f * in[i], (long long)in[i] << 33);
    assert(in[i] != 999);
}

extern "C" __global__ void check(int *out, int limit) {
    assert(out[threadIdx.x] < limit && "too large");
    out[threadIdx.x]++;
}
