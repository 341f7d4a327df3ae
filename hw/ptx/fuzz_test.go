package ptx

import (
	"bytes"
	"testing"
)

func FuzzParse(f *testing.F) {
	for _, k := range kernels(f) {
		f.Add(readKernel(f, k))
	}
	for _, c := range verdicts {
		f.Add([]byte(verdictModule(c.text)))
	}
	for _, s := range []string{"", ".version", "{", ".entry k(", "/*", "\"", "\x00\xff",
		".entry k(){.reg .b32 %r<9999999999>;}", ".const .b8 x[1<<62]={{{{",
		".entry k(){a:a::b.c;}", ".section .debug {", ".entry k(){@!p{}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		m, err := Parse("fuzz.ptx", src)
		if m == nil {
			t.Fatal("no module")
		}
		_ = Verify(m)
		if err != nil {
			if _, ok := err.(ErrorList); !ok {
				t.Fatalf("error is a %T", err)
			}
			return
		}
		text := m.String()
		again, err := Parse("fuzz.ptx", []byte(text))
		if err != nil {
			t.Fatalf("printed text does not parse: %v\n%s", err, text)
		}
		if got := again.String(); got != text {
			t.Fatalf("printing is not stable:\n%s\n---\n%s", text, got)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	var src []byte
	for _, k := range kernels(b) {
		src = append(src, readKernel(b, k)...)
	}
	src = bytes.Repeat(src, 20)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if m, _ := Parse("bench.ptx", src); len(m.Funcs) == 0 {
			b.Fatal("nothing parsed")
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	m, err := Parse("gemm", readKernel(b, "testdata/gemm_sm90a.ptx"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := Verify(m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPrint(b *testing.B) {
	m, err := Parse("gemm", readKernel(b, "testdata/gemm_sm90a.ptx"))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(m.String())))
	for b.Loop() {
		_ = m.String()
	}
}
