// Video instructions: halves and bytes of a word at once, saturated or added up.

#define VIDEO(n, spelling) \
    asm(spelling " %0, %1, %2, %3;" : "=r"(o[n]) : "r"(x), "r"(y), "r"(z))

extern "C" __global__ void video(unsigned *out, const unsigned *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned x = in[3 * i], y = in[3 * i + 1], z = in[3 * i + 2], *o = out + i * 16;
    VIDEO(0, "vadd2.u32.u32.u32");
    VIDEO(1, "vadd2.s32.s32.s32.sat");
    VIDEO(2, "vadd4.u32.u32.u32.sat");
    VIDEO(3, "vadd4.s32.u32.s32.add");
    VIDEO(4, "vsub2.s32.s32.s32.sat");
    VIDEO(5, "vsub4.u32.u32.u32.sat");
    VIDEO(6, "vsub4.s32.s32.s32");
    VIDEO(7, "vavrg2.s32.s32.s32");
    VIDEO(8, "vavrg4.u32.u32.u32");
    VIDEO(9, "vabsdiff2.u32.s32.s32.add");
    VIDEO(10, "vabsdiff4.u32.u32.u32.add");
    VIDEO(11, "vmin2.s32.s32.s32");
    VIDEO(12, "vmax4.u32.u32.u32");
    VIDEO(13, "vmax4.s32.s32.s32.sat");
    VIDEO(14, "vset2.s32.s32.lt");
    VIDEO(15, "vset4.u32.u32.ge.add");
}

// How far two rows of bytes are apart: what the compiler makes of its own intrinsics.
extern "C" __global__ void apart(unsigned *out, const unsigned *a, const unsigned *b, int words) {
    unsigned sum = 0;
    for (int k = threadIdx.x; k < words; k += 32) {
        unsigned x = a[blockIdx.x * words + k], y = b[blockIdx.x * words + k];
        sum += __vsadu4(x, y) + (__vmaxs4(x, y) ^ __vavgu4(x, y) ^ __vcmpgtu2(x, y));
    }
    out[blockIdx.x * 32 + threadIdx.x] = sum;
}
