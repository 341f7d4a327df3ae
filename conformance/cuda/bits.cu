// Integer and bit instructions; each thread writes a row of results.

extern "C" __global__ void bits(unsigned *out, const unsigned *a, const unsigned *b) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned x = a[i], y = b[i], *o = out + i * 24, r;
    o[0] = __popc(x);
    o[1] = __clz(x);
    o[2] = __ffs(x);
    o[3] = __brev(x);
    asm("prmt.b32 %0, %1, %2, %3;" : "=r"(r) : "r"(x), "r"(y), "r"(y >> 16)); // with sign spread
    o[4] = r;
    o[5] = __funnelshift_l(x, y, y);
    o[6] = __funnelshift_r(x, y, y);
    o[7] = __funnelshift_lc(x, y, y & 63);
    o[8] = __funnelshift_rc(x, y, y & 63);
    asm("bfe.u32 %0, %1, %2, %3;" : "=r"(r) : "r"(x), "r"(y & 255), "r"(y >> 8 & 255));
    o[9] = r;
    asm("bfe.s32 %0, %1, %2, %3;" : "=r"(r) : "r"(x), "r"(y & 31), "r"(y >> 8 & 31));
    o[10] = r;
    asm("bfi.b32 %0, %1, %2, %3, %4;" : "=r"(r) : "r"(x), "r"(y), "r"(x & 31), "r"(y & 31));
    o[11] = r;
    asm("bfind.u32 %0, %1;" : "=r"(r) : "r"(x));
    o[12] = r;
    asm("bfind.shiftamt.s32 %0, %1;" : "=r"(r) : "r"(x));
    o[13] = r;
    asm("lop3.b32 %0, %1, %2, %3, 0x96;" : "=r"(r) : "r"(x), "r"(y), "r"(x >> 7));
    o[14] = r;
    asm("lop3.b32 %0, %1, %2, %3, 0xe8;" : "=r"(r) : "r"(x), "r"(y), "r"(x >> 7));
    o[15] = r;
    o[16] = __dp4a((int)x, (int)y, 7);
    o[17] = __dp4a(x, y, 7u);
    o[18] = __dp2a_lo((int)x, (int)y, -3);
    o[19] = __dp2a_hi(x, y, 5u);
    o[20] = __sad((int)x, (int)y, 9u);
    asm("fns.b32 %0, %1, 0, 3;" : "=r"(r) : "r"(x));
    o[21] = r;
    asm("szext.wrap.s32 %0, %1, %2;" : "=r"(r) : "r"(x), "r"(y & 31));
    o[22] = r;
    asm("bmsk.clamp.b32 %0, %1, %2;" : "=r"(r) : "r"(x & 31), "r"(y & 31));
    o[23] = r;
}

extern "C" __global__ void bits64(unsigned long long *out, const unsigned long long *a) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned long long x = a[2 * i], y = a[2 * i + 1], *o = out + i * 14;
    o[0] = x * y;
    o[1] = __umul64hi(x, y);
    o[2] = __mul64hi(x, y);
    o[3] = x / y;
    o[4] = x % y;
    o[5] = (long long)x / (long long)y;
    o[6] = (long long)x % (long long)y;
    o[7] = __popcll(x);
    o[8] = __clzll(x);
    o[9] = __brevll(x);
    o[10] = __ffsll(x);
    o[11] = x << (y & 63) | x >> (-y & 63);
    o[12] = (long long)x >> (y & 63);
    o[13] = min((long long)x, (long long)y) ^ max(x, y);
}

// Sums and products wider than a register, by the carry flag.
extern "C" __global__ void wide(unsigned *out, const unsigned *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    const unsigned *a = in + i * 8, *b = a + 4;
    unsigned *o = out + i * 12;
    asm("add.cc.u32 %0, %4, %8; addc.cc.u32 %1, %5, %9;"
        "addc.cc.u32 %2, %6, %10; addc.u32 %3, %7, %11;"
        : "=&r"(o[0]), "=&r"(o[1]), "=&r"(o[2]), "=&r"(o[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]));
    asm("sub.cc.u32 %0, %4, %8; subc.cc.u32 %1, %5, %9;"
        "subc.cc.u32 %2, %6, %10; subc.u32 %3, %7, %11;"
        : "=&r"(o[4]), "=&r"(o[5]), "=&r"(o[6]), "=&r"(o[7])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]));
    asm("mul.lo.u32 %0, %4, %6; mul.hi.u32 %1, %4, %6;"
        "mad.lo.cc.u32 %1, %5, %6, %1; madc.hi.u32 %2, %5, %6, 0;"
        "mad.lo.cc.u32 %1, %4, %7, %1; madc.hi.cc.u32 %2, %4, %7, %2; addc.u32 %3, 0, 0;"
        "mad.lo.cc.u32 %2, %5, %7, %2; madc.hi.u32 %3, %5, %7, %3;"
        : "=&r"(o[8]), "=&r"(o[9]), "=&r"(o[10]), "=&r"(o[11])
        : "r"(a[0]), "r"(a[1]), "r"(b[0]), "r"(b[1]));
}

// Division and remainder by what the compiler does not know, in 32, 16 and 8 bits.
extern "C" __global__ void divide(int *out, const int *a, const int *b) {
    int i = blockIdx.x * blockDim.x + threadIdx.x, x = a[i], y = b[i], *o = out + i * 8;
    unsigned ux = x, uy = y;
    o[0] = x / y;
    o[1] = x % y;
    o[2] = ux / uy;
    o[3] = ux % uy;
    o[4] = (short)x / (short)(y | 1);
    o[5] = (unsigned char)x % (unsigned char)(y | 1);
    o[6] = __mulhi(x, y);
    o[7] = x / 7 + x % 10 + ux / 641;
}
