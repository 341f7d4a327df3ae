package hwtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"tensoros/hw"
)

// accelText holds the kernels of the suite: for every GPU since Ampere.
const accelText = `.version 7.0
.target sm_80
.address_size 64
.visible .global .align 4 .u32 counter = 7;
.extern .shared .align 16 .b8 room[];

// p[i] = p[i] * k + CTA, over n elements
.visible .entry scale(.param .u64 p, .param .u32 k, .param .u32 n)
{
	.reg .b32 %r<10>; .reg .b64 %rd<4>; .reg .pred %p<2>;
	ld.param.u64 %rd1, [p];
	ld.param.u32 %r1, [k];
	ld.param.u32 %r7, [n];
	mov.u32 %r2, %ctaid.x;
	mov.u32 %r3, %ntid.x;
	mov.u32 %r4, %tid.x;
	mad.lo.s32 %r5, %r2, %r3, %r4;
	setp.ge.u32 %p1, %r5, %r7;
	@%p1 bra done;
	cvta.to.global.u64 %rd1, %rd1;
	mul.wide.u32 %rd2, %r5, 4;
	add.s64 %rd3, %rd1, %rd2;
	ld.global.u32 %r6, [%rd3];
	mad.lo.u32 %r6, %r6, %r1, %r2;
	st.global.u32 [%rd3], %r6;
done:
	ret;
}

// p[i] = p[n-1-i] of one CTA, through dynamic shared memory
.visible .entry reverse(.param .u64 p)
{
	.reg .b32 %r<10>; .reg .b64 %rd<4>;
	ld.param.u64 %rd1, [p];
	mov.u32 %r1, %tid.x;
	mul.wide.u32 %rd2, %r1, 4;
	add.s64 %rd3, %rd1, %rd2;
	ld.global.u32 %r2, [%rd3];
	mov.u32 %r3, room;
	shl.b32 %r4, %r1, 2;
	add.u32 %r5, %r3, %r4;
	st.shared.u32 [%r5], %r2;
	bar.sync 0;
	mov.u32 %r6, %ntid.x;
	sub.u32 %r6, %r6, %r1;
	shl.b32 %r6, %r6, 2;
	add.u32 %r6, %r6, %r3;
	ld.shared.u32 %r7, [%r6 + -4];
	st.global.u32 [%rd3], %r7;
	ret;
}

// p[0] = the place of the CTA and the extents of the grid, in the last thread of the last CTA
.visible .entry places(.param .u64 p)
{
	.reg .b32 %r<16>; .reg .b64 %rd<4>;
	ld.param.u64 %rd1, [p];
	mov.u32 %r1, %nctaid.x;
	mov.u32 %r2, %nctaid.y;
	mov.u32 %r3, %nctaid.z;
	mov.u32 %r4, %ntid.x;
	mov.u32 %r5, %ntid.y;
	mov.u32 %r6, %ntid.z;
	st.global.v4.u32 [%rd1], {%r1, %r2, %r3, %r4};
	st.global.v2.u32 [%rd1+16], {%r5, %r6};
	ret;
}

.visible .entry count()
{
	.reg .b32 %r<4>;
	atom.global.add.u32 %r1, [counter], 1;
	ret;
}

.visible .entry stop()
{
	trap;
	ret;
}
`

// Accelerator holds a against the contract of hw.Accelerator. It leaves a closed.
func Accelerator(t testing.TB, a hw.Accelerator) {
	t.Helper()
	s := &accelSuite{TB: t, a: a}
	if a.Name() == "" || a.Arch() < 50 {
		t.Errorf("name %q, compute capability %d", a.Name(), a.Arch())
	}
	s.memory()
	m, err := a.Load("suite.ptx", []byte(accelText))
	if err != nil {
		t.Errorf("load: %v", err)
		return
	}
	s.refusals(m)
	s.scale(m)
	s.reverse(m)
	s.places(m)
	s.globals(m)
	// Last, for a real GPU's context does not survive it.
	if _, err := s.launch(m, "stop", hw.Grid{}); err == nil {
		t.Error("a kernel that traps is no error")
	} else if err := a.Close(); err != nil {
		t.Logf("close after a trap: %v", err)
	}
}

type accelSuite struct {
	testing.TB
	a hw.Accelerator
}

func (s *accelSuite) memory() {
	p := s.alloc(1000)
	q := s.alloc(1)
	if p%256 != 0 || q%256 != 0 || p == 0 || q == 0 || q >= p && q < p+1000 {
		s.Errorf("allocations at %#x and %#x", uint64(p), uint64(q))
	}
	want := make([]byte, 1000)
	for i := range want {
		want[i] = byte(i * 7)
	}
	got := make([]byte, 1000)
	s.check("write", s.a.Write(p, want))
	s.check("write within", s.a.Write(p+500, []byte{1, 2, 3}))
	copy(want[500:], []byte{1, 2, 3})
	s.check("read", s.a.Read(got, p))
	if !bytes.Equal(got, want) {
		s.Error("memory does not hold what was written")
	}
	s.check("read within", s.a.Read(got[:10], p+990))
	if !bytes.Equal(got[:10], want[990:]) {
		s.Error("a read from within an allocation differs")
	}
	s.check("free", s.a.Free(p))
	s.check("free", s.a.Free(q))
	for _, n := range []int{0, -1} {
		if _, err := s.a.Alloc(n); err == nil {
			s.Errorf("%d bytes can be allocated", n)
		}
	}
	if _, err := s.a.Alloc(1 << 50); !errors.Is(err, hw.ErrNoMemory) {
		s.Errorf("a pebibyte: %v, want %v", err, hw.ErrNoMemory)
	}
	s.check("free after a refusal", s.a.Free(s.alloc(64)))
}

// refusals do no harm.
func (s *accelSuite) refusals(m hw.Module) {
	for what, text := range map[string]string{"nothing": "", "prose": "make me a kernel",
		"an unknown register": ".version 7.0\n.target sm_80\n.address_size 64\n" +
			".visible .entry k() { add.u32 %r1, %r2, %r3; ret; }"} {
		if _, err := s.a.Load("bad.ptx", []byte(text)); err == nil {
			s.Errorf("%s can be loaded", what)
		}
	}
	if _, err := m.Kernel("nobody"); err == nil {
		s.Error("a kernel that is not there is no error")
	}
	for what, g := range map[string]hw.Grid{
		"2048 threads":     {Threads: [3]uint32{2048, 1, 1}},
		"a GiB of shared":  {Shared: 1 << 30},
		"negative shared":  {Shared: -4},
		"65 threads along": {Threads: [3]uint32{1, 1, 65}},
	} {
		if _, err := s.launch(m, "count", g); err == nil {
			s.Errorf("a launch with %s is no error", what)
		}
	}
}

func (s *accelSuite) scale(m hw.Module) {
	const n = 1000
	p := s.words(n, func(i int) uint32 { return uint32(i) })
	var params []byte
	params = binary.LittleEndian.AppendUint64(params, uint64(p))
	params = binary.LittleEndian.AppendUint32(params, 3)
	params = binary.LittleEndian.AppendUint32(params, n)
	for range 2 {
		_, err := s.launch(m, "scale", hw.Grid{Blocks: [3]uint32{8}, Threads: [3]uint32{128},
			Params: params})
		s.check("launch scale", err)
	}
	s.expect("scale", p, n, func(i int) uint32 {
		return (uint32(i)*3+uint32(i/128))*3 + uint32(i/128)
	})
}

func (s *accelSuite) reverse(m hw.Module) {
	const n = 200
	p := s.words(n, func(i int) uint32 { return uint32(i * i) })
	_, err := s.launch(m, "reverse", hw.Grid{Threads: [3]uint32{n}, Shared: 4 * n,
		Params: binary.LittleEndian.AppendUint64(nil, uint64(p))})
	s.check("launch reverse", err)
	s.expect("reverse", p, n, func(i int) uint32 { return uint32((n - 1 - i) * (n - 1 - i)) })
}

func (s *accelSuite) places(m hw.Module) {
	want := []uint32{3, 2, 5, 4, 1, 6}
	p := s.words(len(want), func(int) uint32 { return 99 })
	_, err := s.launch(m, "places", hw.Grid{Blocks: [3]uint32{3, 2, 5}, Threads: [3]uint32{4, 0, 6},
		Params: binary.LittleEndian.AppendUint64(nil, uint64(p))})
	s.check("launch places", err)
	s.expect("places", p, len(want), func(i int) uint32 { return want[i] })
}

// globals live as long as the module. A backend that cannot reach them says so.
func (s *accelSuite) globals(m hw.Module) {
	p, n, err := m.Global("counter")
	if errors.Is(err, errors.ErrUnsupported) {
		s.Logf("globals: %v", err)
		return
	}
	s.check("global", err)
	if n != 4 {
		s.Errorf("counter has %d bytes", n)
		return
	}
	for range 2 {
		_, err := s.launch(m, "count", hw.Grid{Blocks: [3]uint32{10}, Threads: [3]uint32{32}})
		s.check("launch count", err)
	}
	got := make([]byte, 4)
	s.check("read counter", s.a.Read(got, p))
	if v := binary.LittleEndian.Uint32(got); v != 7+2*320 {
		s.Errorf("counter is %d, want %d", v, 7+2*320)
	}
	if _, _, err := m.Global("nobody"); err == nil {
		s.Error("a variable that is not there is no error")
	}
}

func (s *accelSuite) launch(m hw.Module, name string, g hw.Grid) (hw.Launched, error) {
	k, err := m.Kernel(name)
	if err != nil {
		s.Errorf("kernel %s: %v", name, err)
		return hw.Launched{}, err
	}
	l, err := k.Launch(g)
	if err == nil && (l.Elapsed < 0 || l.Cycles < 0) {
		err = fmt.Errorf("it took %v ns, %d cycles", l.Elapsed, l.Cycles)
	}
	return l, err
}

func (s *accelSuite) alloc(n int) hw.DevicePtr {
	p, err := s.a.Alloc(n)
	s.check(fmt.Sprintf("allocate %d bytes", n), err)
	return p
}

func (s *accelSuite) check(what string, err error) {
	if err != nil {
		s.Errorf("%s: %v", what, err)
	}
}

func (s *accelSuite) words(n int, f func(i int) uint32) hw.DevicePtr {
	p := s.alloc(4 * n)
	var b []byte
	for i := range n {
		b = binary.LittleEndian.AppendUint32(b, f(i))
	}
	s.check("write", s.a.Write(p, b))
	return p
}

// expect reads words, compares and frees them.
func (s *accelSuite) expect(what string, p hw.DevicePtr, n int, f func(i int) uint32) {
	b := make([]byte, 4*n)
	s.check("read", s.a.Read(b, p))
	for i := range n {
		if got := binary.LittleEndian.Uint32(b[4*i:]); got != f(i) {
			s.Errorf("%s: element %d is %d, want %d", what, i, got, f(i))
			break
		}
	}
	s.check("free", s.a.Free(p))
}
