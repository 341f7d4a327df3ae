package sm

import (
	"fmt"
	"strings"
	"testing"

	"tensoros/hw/ptx"
	"tensoros/hw/spec/gpu"
)

// rows8 is a map of 16 rows of 64 bytes of which a box takes 8 rows of 32.
func rows8(base uint64) gpu.TensorMap {
	return gpu.TensorMap{Type: gpu.TensorU32, Rank: 2, Base: base, Dims: [5]uint64{16, 16},
		Strides: [4]uint64{64}, Box: [5]uint32{8, 8}, ElementStrides: [5]uint32{1, 1}}
}

// TestTensorMapPlaces: a map in constant memory, in global memory, in a .global variable that the
// kernel fills, and as a parameter by name. The tensor lies at 1<<44, where newFlat puts it.
func TestTensorMapPlaces(t *testing.T) {
	m := rows8(1 << 44)
	image, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	bytes := strings.Trim(strings.ReplaceAll(fmt.Sprint(image), " ", ", "), "[]")
	for _, c := range []struct{ name, vars, place, addr string }{
		{"constant", ".const .align 64 .b8 cmap[128] = {" + bytes + "};",
			"mov.u64 %rd4, cmap; cvta.const.u64 %rd4, %rd4;", "%rd4"},
		{"global", "", "add.u64 %rd4, %rd1, 2048;", "%rd4"},
		{"variable", ".global .align 64 .b8 gmap[128];", `mov.u64 %rd4, gmap; mov.u32 %r8, 0;
			c: cvt.u64.u32 %rd5, %r8; add.s64 %rd6, %rd1, %rd5; ld.global.u64 %rd7, [%rd6+2048];
			add.s64 %rd6, %rd4, %rd5; st.global.u64 [%rd6], %rd7; add.u32 %r8, %r8, 8;
			setp.lt.u32 %p3, %r8, 128; @%p3 bra c; fence.proxy.tensormap::generic.release.gpu;
			cvta.global.u64 %rd4, %rd4; fence.proxy.tensormap::generic.acquire.gpu [%rd4], 128;`, "%rd4"},
		{"parameter", "", "mov.u64 %rd4, pmap; cvta.param.u64 %rd4, %rd4;", "%rd4"},
	} {
		body := "mov.u32 %r10, bar; mov.u32 %r11, buf; mbarrier.init.shared.b64 [%r10], 1;" + c.place +
			"mbarrier.arrive.expect_tx.shared.b64 %rd8, [%r10], 256; mov.u32 %r12, 4; mov.u32 %r13, 3;" +
			"prefetch.tensormap [" + c.addr + "];" +
			"cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint " +
			"[%r11], [" + c.addr + ", {%r12, %r13}], [%r10], %rd8;" + wait0 +
			"ld.shared.u32 %r6, [%r11+100]; st.global.u32 [%rd2], %r6;"
		src := strings.Replace(kernel(barrierVars, body), ".param .u32 n)",
			".param .u32 n, .param .align 64 .b8 pmap[128])", 1)
		src = strings.Replace(src, ".visible", c.vars+"\n.visible", 1)
		mem := newFlat(4096)
		for i := range 256 {
			mem.setU32(4*i, uint32(i))
		}
		copy(mem.data[2048:], image[:])
		p := append(params(mem.base, mem.base+3000, uint32(0)), make([]byte, 64-20)...)
		l := &Launch{Prog: load(t, src, "k"), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{1, 1, 1},
			Mem: mem, Params: append(p, image[:]...)}
		if _, err := l.Run(); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		// Word 25 of the box is row 3, column 1; the box begins at row 3, column 4.
		if got := mem.u32(3000); got != 6*16+5 {
			t.Errorf("%s: %d, want %d", c.name, got, 6*16+5)
		}
	}
}

// TestTensorMulticast: CTA 2 of four loads a box for CTAs 0 and 3.
func TestTensorMulticast(t *testing.T) {
	m := rows8(1 << 44)
	image, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	body := ring("1") + `mov.b16 %m1, 9; shr.u32 %r7, 9, %r12; and.b32 %r7, %r7, 1;
	setp.eq.u32 %p3, %r7, 1; setp.eq.u32 %p4, %r12, 2; mov.u32 %r8, 0; mov.u64 %rd7, pmap;
	cvta.param.u64 %rd7, %rd7;
	@%p1 bra s; @%p3 mbarrier.arrive.expect_tx.shared.b64 %rd8, [%r10], 256;
	@%p4 cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes` +
		`.multicast::cluster [%r11+128], [%rd7, {%r8, %r8}], [%r10], %m1;
	s: @!%p3 bra e;` + strings.ReplaceAll(waitHere, "[%r23]", "[%r23+128]") + `bra f;
	e: mov.u32 %r6, 0xffff; f:` + syncCluster + "st.global.u32 [%rd2], %r6;"
	src := strings.Replace(kernel(clusterVars, body), ".param .u32 n)",
		".param .u32 n, .param .align 64 .b8 pmap[128])", 1)
	for mode := range 2 {
		mem := newFlat(8192)
		for i := range 256 {
			mem.setU32(4*i, uint32(i))
		}
		p := append(params(mem.base, mem.base+4096, uint32(0)), make([]byte, 64-20)...)
		l := &Launch{Prog: load(t, src, "k"), Grid: [3]uint32{4, 1, 1}, Cluster: [3]uint32{4, 1, 1},
			Block: [3]uint32{64, 1, 1}, Mem: mem, Params: append(p, image[:]...)}
		if err := outcome(l, mode == 1); err != nil {
			t.Fatal(err)
		}
		for i := range 256 {
			want := uint32(0xffff)
			if rank := i / 64; rank == 0 || rank == 3 {
				want = uint32(i%64/8*16 + i%8)
			}
			if got := mem.u32(4096 + 4*i); got != want {
				t.Fatalf("mode %d, thread %d of CTA %d: %d, want %d", mode, i%64, i/64, got, want)
			}
		}
	}
}

// TestTensorFaults: an instruction that does not fit its map, and boxes that are not modelled.
func TestTensorFaults(t *testing.T) {
	for _, c := range []struct {
		spoil func(m *gpu.TensorMap)
		at    string
		want  string
	}{
		{func(m *gpu.TensorMap) {}, "[%r11+64]", "128 byte aligned"},
		{func(m *gpu.TensorMap) { m.Rank, m.Box[2], m.Dims[2], m.ElementStrides[2] = 3, 1, 1, 1 },
			"[%r11]", "rank"},
		{func(m *gpu.TensorMap) { m.Swizzle = gpu.Swizzle64 }, "[%r11]", "narrower"},
		{func(m *gpu.TensorMap) { m.Box[1] = 256 }, "[%r11]", "outside the cluster's"},
	} {
		m := rows8(1 << 44)
		c.spoil(&m)
		image, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		body := "mov.u32 %r10, bar; mov.u32 %r11, buf; mbarrier.init.shared.b64 [%r10], 1;" +
			"cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes " + c.at +
			", [%rd1, {%r4, %r4}], [%r10];"
		mem := newFlat(4096)
		copy(mem.data, image[:])
		l := &Launch{Prog: load(t, kernel(barrierVars, body), "k"), Grid: [3]uint32{1, 1, 1},
			Block: [3]uint32{1, 1, 1}, Mem: mem, Params: params(mem.base, mem.base, uint32(0))}
		if _, err := l.Run(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// A map by the name of a parameter is refused, as ptxas does.
func TestTensorMapByName(t *testing.T) {
	src := strings.Replace(kernel(barrierVars, "mov.u32 %r11, buf;\n"+
		"cp.async.bulk.tensor.1d.global.shared::cta.bulk_group [pmap, {%r4}], [%r11];"),
		".param .u32 n)", ".param .u32 n, .param .align 64 .b8 pmap[128])", 1)
	m, err := ptx.Parse("test.ptx", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Load(m, "k", 90); err == nil || !strings.Contains(err.Error(), "cvta.param") {
		t.Errorf("%v, want a hint at cvta.param", err)
	}
}
