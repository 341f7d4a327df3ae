// Digests: SHA-256 of blocks of 64 bytes, CRC-32, and a table with open addressing.

__constant__ unsigned round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

__device__ unsigned turn(unsigned x, int n) { return __funnelshift_r(x, x, n); }

__device__ void compress(unsigned (&h)[8], unsigned (&w)[16]) {
    unsigned a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], k = h[7];
#pragma unroll 16
    for (int i = 0; i < 64; i++) {
        if (i >= 16) {
            unsigned x = w[(i + 1) % 16], y = w[(i + 14) % 16];
            w[i % 16] += (turn(x, 7) ^ turn(x, 18) ^ x >> 3) + w[(i + 9) % 16] +
                         (turn(y, 17) ^ turn(y, 19) ^ y >> 10);
        }
        unsigned s = k + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (e & f ^ ~e & g) +
                     round_constants[i] + w[i % 16];
        unsigned t = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + (a & b ^ a & c ^ b & c);
        k = g, g = f, f = e, e = d + s, d = c, c = b, b = a, a = s + t;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += k;
}

// A message of 64 bytes a thread, and the block of padding that follows it.
extern "C" __global__ void sha256(unsigned *out, const unsigned *in) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    unsigned h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    unsigned w[16], pad[16] = {0x80000000};
    for (int k = 0; k < 16; k++) w[k] = __byte_perm(in[i * 16 + k], 0, 0x0123);
    pad[15] = 512;
    compress(h, w);
    compress(h, pad);
    for (int k = 0; k < 8; k++) out[i * 8 + k] = __byte_perm(h[k], 0, 0x0123);
}

// CRC-32 (IEEE 802.3, reflected) of a row of bytes, by a table that the block makes.
extern "C" __global__ void crc32(unsigned *out, const unsigned char *in, int len) {
    __shared__ unsigned table[256];
    unsigned c = threadIdx.x;
    for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
    table[threadIdx.x] = c;
    __syncthreads();
    c = ~0u;
    for (int k = 0; k < len; k++) c = c >> 8 ^ table[(c ^ in[threadIdx.x * len + k]) & 255];
    out[threadIdx.x] = ~c;
}

// Puts keys into a table; a key that is there already is not put again.
extern "C" __global__ void table_insert(unsigned *slots, unsigned *fresh, const unsigned *keys,
                                        unsigned mask) {
    unsigned key = keys[blockIdx.x * blockDim.x + threadIdx.x];
    for (unsigned at = key * 2654435761u & mask;; at = at + 1 & mask) {
        unsigned was = atomicCAS(slots + at, 0, key);
        if (was == 0) atomicAdd(fresh, 1);
        if (was == 0 || was == key) return;
    }
}
