#include "textflag.h"

// Offsets in tile: as 0, ae 2048, bs 4096, be 5120, c 6144; a row of as is 128 bytes, of bs 32.
// Offsets in kernelParams and codecParams: the order of their fields, 32 bytes each.

// One product: Y1 = shift, Y2 = signed product, Y3 = aligned; R13 walks A, R12 walks bs.
// The low words of A and B are the significands and B's high words are 0, so VPMADDWD is their
// 32-bit product. Truncation is toward zero: shift the magnitude, then restore the sign.
#define PRODUCT(i) \
	VPBROADCASTD (2048+4*i)(R13), Y1 \
	VPADDD (1024+32*i)(R12), Y1, Y1 \
	VPSUBD Y1, Y8, Y1 \
	VPBROADCASTD (4*i)(R13), Y2 \
	VPMADDWD (32*i)(R12), Y2, Y2 \
	VPABSD Y2, Y3 \
	VPSRLVD Y1, Y3, Y3 \
	VPSIGND Y2, Y3, Y3 \
	VPADDD Y3, Y6, Y6

#define MAXEXP(i, acc) \
	VPBROADCASTD (2048+4*i)(R13), Y5 \
	VPADDD (1024+32*i)(R12), Y5, Y5 \
	VPMAXSD Y5, acc, acc

// func groupAVX2(t *tile, p *kernelParams, k0, k1 int, half bool) (redo int)
TEXT ·groupAVX2(SB), NOSPLIT, $0-48
	MOVQ t+0(FP), DI
	MOVQ p+8(FP), DX
	MOVQ k0+16(FP), R8
	MOVQ k1+24(FP), R9
	MOVBQZX half+32(FP), R10
	LEAQ (DI)(R8*4), SI      // A, row 0
	MOVQ R8, AX
	SHLQ $5, AX
	LEAQ 4096(DI)(AX*1), BX  // bs
	LEAQ 6144(DI), R11       // C, row 0
	SUBQ R8, R9              // products of the group, a multiple of 4
	VPXOR Y15, Y15, Y15
	VPXOR Y14, Y14, Y14      // lanes that pure Go must do again
	VMOVDQU 512(DX), X13
	VMOVDQU 544(DX), X12
	VMOVDQU 576(DX), X11
	MOVQ $16, CX

row:
	// Decode the accumulator: Y1 sign, Y3 exponent, Y4 significand.
	VMOVDQU (R11), Y0
	VPSLLD X13, Y0, Y1
	VPAND (DX), Y0, Y2
	VPSRLD X12, Y2, Y3
	VPAND 32(DX), Y2, Y4
	VPCMPEQD Y15, Y3, Y5
	VPANDN 64(DX), Y5, Y5
	VPOR Y5, Y4, Y4
	VPCMPEQD 160(DX), Y3, Y5
	VPOR Y5, Y14, Y14
	VPMAXSD 192(DX), Y3, Y3
	VPSUBD 96(DX), Y3, Y3
	VPCMPEQD Y15, Y2, Y5
	VMOVDQU 128(DX), Y6
	VPBLENDVB Y5, Y6, Y3, Y3
	VPMAXSD 224(DX), Y3, Y7
	VMOVDQA Y7, Y8

	// Y7 = largest exponent.
	MOVQ SI, R13
	MOVQ BX, R12
	MOVQ R9, AX
maxexp:
	MAXEXP(0, Y7)
	MAXEXP(1, Y8)
	MAXEXP(2, Y7)
	MAXEXP(3, Y8)
	ADDQ $16, R13
	ADDQ $128, R12
	SUBQ $4, AX
	JNZ maxexp
	VPMAXSD Y8, Y7, Y7

	// The accumulator's term, as doubles: Y9 columns 0..3, Y10 columns 4..7.
	VPSUBD Y3, Y7, Y3
	VPADDD 256(DX), Y3, Y3
	VPSLLD X11, Y4, Y4
	VPSRLVD Y3, Y4, Y4
	VPSIGND Y1, Y4, Y4
	VCVTDQ2PD X4, Y9
	VEXTRACTI128 $1, Y4, X5
	VCVTDQ2PD X5, Y10

	// Products, at most 16 before 32 bits could overflow.
	VPADDD 288(DX), Y7, Y8
	MOVQ SI, R13
	MOVQ BX, R12
	MOVQ R9, AX
chunk:
	MOVQ AX, R8
	CMPQ R8, $16
	JLE small
	MOVQ $16, R8
small:
	SUBQ R8, AX
	VPXOR Y6, Y6, Y6
products:
	PRODUCT(0)
	PRODUCT(1)
	PRODUCT(2)
	PRODUCT(3)
	ADDQ $16, R13
	ADDQ $128, R12
	SUBQ $4, R8
	JNZ products
	VCVTDQ2PD X6, Y1
	VEXTRACTI128 $1, Y6, X2
	VCVTDQ2PD X2, Y2
	VADDPD Y1, Y9, Y9
	VADDPD Y2, Y10, Y10
	TESTQ AX, AX
	JNZ chunk

	// Scale by 2^(E-F): exact.
	VPADDD 320(DX), Y7, Y7
	VPMOVZXDQ X7, Y1
	VEXTRACTI128 $1, Y7, X2
	VPMOVZXDQ X2, Y2
	VPSLLQ $52, Y1, Y1
	VPSLLQ $52, Y2, Y2
	VMULPD Y1, Y9, Y9
	VMULPD Y2, Y10, Y10
	TESTQ R10, R10
	JNZ half

	// f32: note results below the normal range, cut the bits the format does not keep.
	VANDPD 480(DX), Y9, Y1
	VANDPD 480(DX), Y10, Y2
	VCMPPD $1, 448(DX), Y1, Y3
	VCMPPD $1, 448(DX), Y2, Y4
	VCMPPD $4, Y15, Y1, Y1
	VCMPPD $4, Y15, Y2, Y2
	VANDPD Y3, Y1, Y1
	VANDPD Y4, Y2, Y2
	VORPD Y1, Y14, Y14
	VORPD Y2, Y14, Y14
	VANDPD 352(DX), Y9, Y9
	VANDPD 352(DX), Y10, Y10
	VCVTPD2PSY Y9, X9
	VCVTPD2PSY Y10, X10
	VINSERTF128 $1, X10, Y9, Y9
	VMOVDQU Y9, (R11)
	JMP next

half:
	// f16: to f32 by rounding to odd, then to f16 nearest even.
	VANDPD 384(DX), Y9, Y1
	VANDPD 384(DX), Y10, Y2
	VPCMPEQQ Y15, Y1, Y1
	VPCMPEQQ Y15, Y2, Y2
	VPANDN 416(DX), Y1, Y1
	VPANDN 416(DX), Y2, Y2
	VANDPD 352(DX), Y9, Y9
	VANDPD 352(DX), Y10, Y10
	VORPD Y1, Y9, Y9
	VORPD Y2, Y10, Y10
	VCVTPD2PSY Y9, X9
	VCVTPD2PSY Y10, X10
	VINSERTF128 $1, X10, Y9, Y9
	VCVTPS2PH $0, Y9, X9
	VPMOVZXWD X9, Y9
	VMOVDQU Y9, (R11)

next:
	ADDQ $128, SI
	ADDQ $32, R11
	DECQ CX
	JNZ row
	VPMOVMSKB Y14, AX
	MOVQ AX, redo+40(FP)
	VZEROUPPER
	RET

// Decode 16 words: Y0 in, sign its sign bits, Y1 significands out, Y2 exponents; Y3..Y5 scratch,
// Y14 gathers Inf and NaN. Y3 keeps the magnitudes.
#define DECODE(sign) \
	VPAND (DX), Y0, Y3 \
	VPSRLW X12, Y3, Y2 \
	VPAND 32(DX), Y3, Y1 \
	VPCMPEQW Y15, Y2, Y4 \
	VPANDN 64(DX), Y4, Y4 \
	VPOR Y4, Y1, Y1 \
	VPSLLW X11, Y1, Y1 \
	VPSIGNW sign, Y1, Y1 \
	VPCMPEQW 160(DX), Y2, Y4 \
	VPOR Y4, Y14, Y14 \
	VPMAXSW 192(DX), Y2, Y2 \
	VPSUBW 96(DX), Y2, Y2 \
	VPCMPEQW Y15, Y3, Y4 \
	VMOVDQU 128(DX), Y5 \
	VPBLENDVB Y4, Y5, Y2, Y2

// func decodeA16AVX2(t *tile, p *codecParams, regs **Reg, n int) (odd int)
TEXT ·decodeA16AVX2(SB), NOSPLIT, $0-40
	MOVQ t+0(FP), DI
	MOVQ p+8(FP), DX
	MOVQ regs+16(FP), SI
	MOVQ n+24(FP), CX
	VPXOR Y15, Y15, Y15
	VPXOR Y14, Y14, Y14
	VMOVDQU 224(DX), X12
	VMOVDQU 256(DX), X11
	XORQ R8, R8              // register
areg:
	MOVQ (SI)(R8*8), R9
	// Register r: rows 8*(r mod 2).., elements 8*(r/2)..
	MOVQ R8, AX
	ANDQ $1, AX
	SHLQ $10, AX
	MOVQ R8, BX
	SHRQ $1, BX
	SHLQ $5, BX
	ADDQ BX, AX
	LEAQ (DI)(AX*1), R10
	MOVQ $4, R11
arows:
	VMOVDQU (R9), Y0
	DECODE(Y0)
	VPMOVSXWD X1, Y3
	VPMOVSXWD X2, Y4
	VMOVDQU Y3, (R10)
	VMOVDQU Y4, 2048(R10)
	VEXTRACTI128 $1, Y1, X3
	VEXTRACTI128 $1, Y2, X4
	VPMOVSXWD X3, Y3
	VPMOVSXWD X4, Y4
	VMOVDQU Y3, 128(R10)
	VMOVDQU Y4, 2176(R10)
	ADDQ $32, R9
	ADDQ $256, R10
	DECQ R11
	JNZ arows
	INCQ R8
	CMPQ R8, CX
	JLT areg
	VPMOVMSKB Y14, AX
	MOVQ AX, odd+32(FP)
	VZEROUPPER
	RET

// Decode two columns of k and store them as rows of bs and be.
#define BPAIR(src, off) \
	VMOVDQA src, Y0 \
	DECODE(Y0) \
	VPMOVZXWD X1, Y3 \
	VPMOVSXWD X2, Y4 \
	VMOVDQU Y3, (off)(R10) \
	VMOVDQU Y4, (1024+off)(R10) \
	VEXTRACTI128 $1, Y1, X3 \
	VEXTRACTI128 $1, Y2, X4 \
	VPMOVZXWD X3, Y3 \
	VPMOVSXWD X4, Y4 \
	VMOVDQU Y3, (32+off)(R10) \
	VMOVDQU Y4, (1056+off)(R10)

// func decodeB16AVX2(t *tile, p *codecParams, regs **Reg, n int) (odd int)
TEXT ·decodeB16AVX2(SB), NOSPLIT, $0-40
	MOVQ t+0(FP), DI
	MOVQ p+8(FP), DX
	MOVQ regs+16(FP), SI
	MOVQ n+24(FP), CX
	VPXOR Y15, Y15, Y15
	VPXOR Y14, Y14, Y14
	LEAQ 4096(DI), R10
	XORQ R8, R8
breg:
	MOVQ (SI)(R8*8), R9
	// Columns 0 2 4 6 1 3 5 7 of 8 words each, transposed.
	VMOVDQU (R9), X0
	VMOVDQU 32(R9), X1
	VMOVDQU 64(R9), X2
	VMOVDQU 96(R9), X3
	VMOVDQU 16(R9), X4
	VMOVDQU 48(R9), X5
	VMOVDQU 80(R9), X6
	VMOVDQU 112(R9), X7
	VPUNPCKLWD X1, X0, X8
	VPUNPCKHWD X1, X0, X0
	VPUNPCKLWD X3, X2, X9
	VPUNPCKHWD X3, X2, X2
	VPUNPCKLWD X5, X4, X10
	VPUNPCKHWD X5, X4, X4
	VPUNPCKLWD X7, X6, X11
	VPUNPCKHWD X7, X6, X6
	VPUNPCKLDQ X9, X8, X1
	VPUNPCKHDQ X9, X8, X3
	VPUNPCKLDQ X11, X10, X5
	VPUNPCKHDQ X11, X10, X7
	VPUNPCKLDQ X2, X0, X8
	VPUNPCKHDQ X2, X0, X9
	VPUNPCKLDQ X6, X4, X10
	VPUNPCKHDQ X6, X4, X11
	VPUNPCKLQDQ X5, X1, X0
	VPUNPCKHQDQ X5, X1, X2
	VPUNPCKLQDQ X7, X3, X4
	VPUNPCKHQDQ X7, X3, X6
	VPUNPCKLQDQ X10, X8, X12
	VPUNPCKHQDQ X10, X8, X13
	VPUNPCKLQDQ X11, X9, X1
	VPUNPCKHQDQ X11, X9, X3
	VINSERTI128 $1, X2, Y0, Y7
	VINSERTI128 $1, X6, Y4, Y8
	VINSERTI128 $1, X13, Y12, Y9
	VINSERTI128 $1, X3, Y1, Y10
	VMOVDQU 224(DX), X12
	VMOVDQU 256(DX), X11
	BPAIR(Y7, 0)
	BPAIR(Y8, 64)
	BPAIR(Y9, 128)
	BPAIR(Y10, 192)
	ADDQ $256, R10
	INCQ R8
	CMPQ R8, CX
	JLT breg
	VPMOVMSKB Y14, AX
	MOVQ AX, odd+32(FP)
	VZEROUPPER
	RET

// func decode8AVX2(dst *int32, p *codecParams, src *byte, n, step, off2, offE int) (odd int)
//
// n times: 16 bytes to two vectors of 8 significands at dst and dst+off2, the exponents offE bytes
// further; then dst += step.
TEXT ·decode8AVX2(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ p+8(FP), DX
	MOVQ src+16(FP), SI
	MOVQ n+24(FP), CX
	MOVQ step+32(FP), R8
	MOVQ off2+40(FP), R9
	MOVQ offE+48(FP), R10
	LEAQ (R9)(R10*1), R11
	VPXOR Y15, Y15, Y15
	VPXOR Y14, Y14, Y14
	VMOVDQU 224(DX), X12
	VMOVDQU 256(DX), X11
	VMOVDQU 288(DX), Y10     // magnitude of NaN where there is no Inf
	VMOVDQU 320(DX), Y9      // bits of a significand to keep
	VMOVDQU 352(DX), X8      // order of the bytes
bytes:
	VMOVDQU (SI), X0
	VPSHUFB X8, X0, X0
	VPMOVZXBW X0, Y0
	VPSLLW $8, Y0, Y6
	DECODE(Y6)
	VPCMPEQW Y10, Y3, Y4
	VPOR Y4, Y14, Y14
	VPMOVSXWD X1, Y3
	VPMOVSXWD X2, Y4
	VPAND Y9, Y3, Y3
	VMOVDQU Y3, (DI)
	VMOVDQU Y4, (DI)(R10*1)
	VEXTRACTI128 $1, Y1, X3
	VEXTRACTI128 $1, Y2, X4
	VPMOVSXWD X3, Y3
	VPMOVSXWD X4, Y4
	VPAND Y9, Y3, Y3
	VMOVDQU Y3, (DI)(R9*1)
	VMOVDQU Y4, (DI)(R11*1)
	ADDQ $16, SI
	ADDQ R8, DI
	DECQ CX
	JNZ bytes
	VPMOVMSKB Y14, AX
	MOVQ AX, odd+56(FP)
	VZEROUPPER
	RET

// func decode32AVX2(dst *int32, p *codecParams, src *uint32, n, step, off2, offE int) (odd int)
//
// n times: 8 tf32 words to two vectors of 4 significands, placed as by decode8AVX2.
TEXT ·decode32AVX2(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ p+8(FP), DX
	MOVQ src+16(FP), SI
	MOVQ n+24(FP), CX
	MOVQ step+32(FP), R8
	MOVQ off2+40(FP), R9
	MOVQ offE+48(FP), R10
	LEAQ (R9)(R10*1), R11
	VPXOR Y15, Y15, Y15
	VPXOR Y14, Y14, Y14
	VMOVDQU 224(DX), X12
	VMOVDQU 256(DX), X11
	VMOVDQU 320(DX), Y9
words:
	VMOVDQU (SI), Y0
	VPAND (DX), Y0, Y3
	VPSRLD X12, Y3, Y2
	VPAND 32(DX), Y3, Y1
	VPCMPEQD Y15, Y2, Y4
	VPANDN 64(DX), Y4, Y4
	VPOR Y4, Y1, Y1
	VPSRLD X11, Y1, Y1       // the dropped low bits make this a right shift
	VPSIGND Y0, Y1, Y1
	VPCMPEQD 160(DX), Y2, Y4
	VPOR Y4, Y14, Y14
	VPMAXSD 192(DX), Y2, Y2
	VPSUBD 96(DX), Y2, Y2
	VPCMPEQD Y15, Y3, Y4
	VMOVDQU 128(DX), Y5
	VPBLENDVB Y4, Y5, Y2, Y2
	VPAND Y9, Y1, Y1
	VMOVDQU X1, (DI)
	VMOVDQU X2, (DI)(R10*1)
	VEXTRACTI128 $1, Y1, (DI)(R9*1)
	VEXTRACTI128 $1, Y2, (DI)(R11*1)
	ADDQ $32, SI
	ADDQ R8, DI
	DECQ CX
	JNZ words
	VPMOVMSKB Y14, AX
	MOVQ AX, odd+56(FP)
	VZEROUPPER
	RET

// func intAVX2(c *[16][8]int32, a *[16][16]uint32, b *[16][8]uint32, pairs int)
//
// c += a*b; words of a and b are pairs of 16-bit elements along k.
TEXT ·intAVX2(SB), NOSPLIT, $0-32
	MOVQ c+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), R8
	MOVQ pairs+24(FP), R9
	MOVQ $16, CX
introw:
	VMOVDQU (DI), Y0
	VPXOR Y4, Y4, Y4
	MOVQ R8, BX
	XORQ AX, AX
intpair:
	VPBROADCASTD (SI)(AX*4), Y1
	VPBROADCASTD 4(SI)(AX*4), Y2
	VPMADDWD (BX), Y1, Y1
	VPMADDWD 32(BX), Y2, Y2
	VPADDD Y1, Y0, Y0
	VPADDD Y2, Y4, Y4
	ADDQ $64, BX
	ADDQ $2, AX
	CMPQ AX, R9
	JLT intpair
	VPADDD Y4, Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ $32, DI
	ADDQ $64, SI
	DECQ CX
	JNZ introw
	VZEROUPPER
	RET
