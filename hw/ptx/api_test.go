package ptx

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
)

func parseFile(t *testing.T, file string) *Module {
	t.Helper()
	m, err := Parse(file, readKernel(t, "testdata/"+file))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestRegs: every operand's index leads back to its own name and type, scopes included.
func TestRegs(t *testing.T) {
	for _, file := range kernels(t) {
		m := parseFile(t, file[len("testdata/"):])
		for _, f := range m.Funcs {
			for in := range f.Insts() {
				checkRegs(t, f, in.Args)
				if in.Guard.Name != "" && f.Regs.Name(in.Guard.Index) != in.Guard.Name {
					t.Errorf("%s: guard index %d is not %s", in, in.Guard.Index, in.Guard.Name)
				}
			}
		}
	}
	f := parseFile(t, "vecadd.ptx").Funcs[0]
	i := f.Regs.Find("%rd7")
	if f.Regs.Name(i) != "%rd7" || f.Regs.Type(i) != B64 || f.Regs.Len() != 2+4+6+11 {
		t.Errorf("%%rd7 is register %d %s .%v of %d", i, f.Regs.Name(i), f.Regs.Type(i),
			f.Regs.Len())
	}
	if f.Regs.Find("%rd11") != -1 || f.Regs.Find("%rd07") != -1 {
		t.Error("registers that do not exist are found")
	}
}

func checkRegs(t *testing.T, f *Func, args []Operand) {
	for i := range args {
		o := &args[i]
		if o.Kind == KindName {
			t.Errorf("%s is unresolved", o.Name)
		}
		if o.Kind == KindReg && f.Regs.Name(int(o.Index)) != o.Name {
			t.Errorf("register %d is %s, want %s", o.Index, f.Regs.Name(int(o.Index)), o.Name)
		}
		if o.Kind == KindLocal && f.Vars[o.Index].Name != o.Name {
			t.Errorf("variable %d is %s, want %s", o.Index, f.Vars[o.Index].Name, o.Name)
		}
		checkRegs(t, f, o.List)
	}
}

// TestCode: labels of repeated scopes get numbers of their own.
func TestCode(t *testing.T) {
	f := parseFile(t, "gemm_sm90a.ptx").Func("hopper")
	insts, labels := f.Code()
	n := 0
	for i, in := range insts {
		if in.Op.ID != OpBra {
			continue
		}
		n++
		l := f.Labels[in.Args[0].Index]
		at := labels[l.Index]
		if l.Name == "LAB_WAIT" && (at != i-2 || insts[at].Op.ID != OpMbarrierTryWait) {
			t.Errorf("%s at %d leads to %d", in, i, at)
		}
	}
	if n != 9 || len(f.Labels) != 8 {
		t.Errorf("%d branches, %d labels", n, len(f.Labels))
	}
	if in := parseFile(t, "vecadd.ptx").Funcs[0]; true {
		c, _ := in.Code()
		if c[len(c)-1].Loc == nil || c[len(c)-1].Loc.Line != 4 || c[0].Loc.Line != 3 {
			t.Error("source lines are lost")
		}
	}
}

func TestAccessors(t *testing.T) {
	text := "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16"
	s := resolve(text)
	in := &Inst{Op: s.op, Mods: s.mods, Types: s.types}
	m, n, k := in.Shape()
	d, dt := in.Fragment('d')
	a, at := in.Fragment('a')
	if got := fmt.Sprint(m, n, k, d, dt, a, at); got != "64 16 16 8 f32 4 b32" {
		t.Error(text, got)
	}
	for _, c := range []struct {
		text, want string
	}{
		{"ld.relaxed.gpu.global.v2.u64", "global gpu relaxed 2 mod? mod?"},
		{"setp.ltu.ftz.f32", "generic mod? mod? 1 ltu mod?"},
		{"atom.shared.cas.b32", "shared mod? mod? 1 mod? cas"},
	} {
		s := resolve(c.text)
		in := &Inst{Op: s.op, Mods: s.mods, Types: s.types}
		word := func(m Mod) string {
			if m == 0 {
				return "mod?"
			}
			return m.String()
		}
		got := fmt.Sprintf("%v %s %s %d %s %s", in.Space(), word(in.Scope()), word(in.Order()),
			in.Vec(), word(in.Compare()), word(in.AtomOp()))
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}

func TestRoles(t *testing.T) {
	f := parseFile(t, "gemm_sm80.ptx").Func("gemm")
	for in := range f.Insts() {
		if in.Op.ID != OpMma {
			continue
		}
		got := in.Roles(nil)
		want := []ArgRole{{F32, true, false}, {B32, false, true}, {B32, false, true},
			{F32, false, true}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %v", in, got)
		}
	}
}

func TestData(t *testing.T) {
	m := parseFile(t, "call.ptx")
	str, _, err := m.Var("$str").Data()
	if err != nil || string(str) != "hi %d\n\x00\x00" {
		t.Errorf("$str = %q, %v", str, err)
	}
	w, _, err := m.Var("weights").Data()
	if err != nil || !bytes.Equal(w[8:12], []byte{0, 0, 0xC0, 0x3F}) || len(w) != 16 {
		t.Errorf("weights = %x, %v", w, err)
	}
	b, rel, err := m.Var("table").Data()
	want := []Reloc{{0, 8, "scale", 0, false}, {8, 8, "weights", 4, true}}
	if err != nil || len(b) != 16 || !reflect.DeepEqual(rel, want) {
		t.Errorf("table: %v %v", rel, err)
	}
	n, err := Parse("n.ptx", []byte(".global .b16 g[2][3] = {{1,2},{3}}; .global .u8 o[1] = {1,2};"+
		".global .b32 open[] = {1, 2, 3};"))
	if err != nil {
		t.Fatal(err)
	}
	g, _, err := n.Var("g").Data()
	if err != nil || !bytes.Equal(g, []byte{1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0}) {
		t.Errorf("g = %v, %v", g, err)
	}
	if _, _, err := n.Var("o").Data(); err == nil {
		t.Error("too many values are accepted")
	}
	if n.Var("open").Size() != 12 {
		t.Errorf("open array takes %d bytes", n.Var("open").Size())
	}
}
