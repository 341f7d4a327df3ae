package codegen

import (
	"encoding/binary"
	"fmt"
	"strings"

	"tensoros/hw/ptx"
	"tensoros/neurolang/ir"
)

// memory runs loads, stores and copies.
func (x *executor) memory(in *ptx.Inst, op string, l int) bool {
	switch in.Op.Base {
	case "ld":
		if strings.HasPrefix(op, "ld.param") {
			x.w.regs[l][in.Args[0].Index] = x.param(in)
			return true
		}
		x.transfer(in, &in.Args[0], &in.Args[1], l, false)
	case "st":
		x.transfer(in, &in.Args[1], &in.Args[0], l, true)
	case "cp":
		x.copy(in, op, l)
	default:
		return false
	}
	return true
}

func (x *executor) param(in *ptx.Inst) uint64 {
	size := 4
	if in.HasWord("u64") {
		size = 8
	}
	var i int
	name := in.Args[1].List[0].Name
	if _, err := fmt.Sscanf(name[strings.LastIndex(name, "_")+1:], "%d", &i); err != nil {
		trapf("parameter %s", name)
	}
	at := 8 * i
	if n := (len(x.params) - 12) / 8; i > n {
		at = 8*n + 4*(i-n)
	}
	b := append(append([]byte(nil), x.params[at:at+size]...), make([]byte, 8)...)
	return binary.LittleEndian.Uint64(b)
}

// transfer moves registers to or from global memory.
func (x *executor) transfer(in *ptx.Inst, v, addr *ptx.Operand, l int, store bool) {
	size := 4
	if in.HasWord("b16") {
		size = 2
	}
	regs := []ptx.Operand{*v}
	if v.Kind == ptx.KindVector {
		regs = v.List
	}
	mem := window(x.global, x.address(addr, l)-base, size*len(regs), size*len(regs), "global")
	for i := range regs {
		b := mem[i*size:][:size]
		if !store {
			x.w.regs[l][regs[i].Index] = little(b)
			continue
		}
		for j := range b {
			b[j] = byte(x.w.regs[l][regs[i].Index] >> (8 * j))
		}
	}
}

func little(b []byte) (v uint64) {
	for i, c := range b {
		v |= uint64(c) << (8 * i)
	}
	return v
}

func (x *executor) copy(in *ptx.Inst, op string, l int) {
	g := &x.w.groups[l]
	switch op {
	case "cp.async.commit_group":
		*g = append(*g, nil)
		return
	case "cp.async.wait_all":
		x.land(l, 0)
		return
	case "cp.async.wait_group":
		x.land(l, int(in.Args[0].Imm))
		return
	}
	dst := x.address(&in.Args[0], l)
	window(x.shared, dst, chunk, chunk, "shared")
	src := window(x.global, x.address(&in.Args[1], l)-base, chunk, chunk, "global")
	t := transfer{dst, append([]byte(nil), src...)}
	if !x.lazy {
		copy(x.shared[dst:], t.data)
		return
	}
	(*g)[len(*g)-1] = append((*g)[len(*g)-1], t)
}

// land completes all but the last n committed groups.
func (x *executor) land(l, n int) {
	g := &x.w.groups[l]
	for len(*g)-1 > n {
		for _, t := range (*g)[0] {
			copy(x.shared[t.dst:], t.data)
		}
		*g = (*g)[1:]
	}
}

func (x *executor) ldmatrix(in *ptx.Inst) {
	trans := in.HasWord("trans")
	for q, d := range in.Args[0].List {
		var m [8][8]uint64
		var banks [8]bool
		for r := range m {
			at := x.address(&in.Args[1], 8*q+r)
			row := window(x.shared, at, 16, 16, "shared")
			if banks[at/16%8] {
				trapf("%s: bank conflict in matrix %d", in, q)
			}
			banks[at/16%8] = true
			for c := range m[r] {
				m[r][c] = little(row[2*c : 2*c+2])
			}
		}
		for l := 0; l < 32; l++ {
			r, c := l/4, l%4*2
			if trans {
				x.w.regs[l][d.Index] = m[c][r] | m[c+1][r]<<16
			} else {
				x.w.regs[l][d.Index] = m[r][c] | m[r][c+1]<<16
			}
		}
	}
}

// mma gathers the fragments of m16n8k16 (m16n8k8 for tf32) and computes every element.
func (x *executor) mma(in *ptx.Inst) {
	_, _, k := in.Shape()
	per := 16 / k // elements a register: 2 halves of f16, 1 tf32
	if per == 1 {
		per = 2
	} else {
		per = 1
	}
	get := func(l int, o *ptx.Operand, reg, part int) uint32 {
		v := x.w.regs[l][o.List[reg].Index]
		if per == 2 {
			return uint32(v >> (16 * part) & 0xffff)
		}
		return uint32(v)
	}
	half := k / 2
	a, b := make([]uint32, k), make([]uint32, k)
	for row := 0; row < 16; row++ {
		for col := 0; col < 8; col++ {
			for i := 0; i < k; i++ {
				t, part, hi := i%half/per, i%per, i/half
				a[i] = get(row%8*4+t, &in.Args[1], row/8+2*hi, part)
				b[i] = get(col*4+t, &in.Args[2], hi, part)
			}
			l, q := row%8*4+col/2, row/8*2+col%2
			c := x.w.regs[l][in.Args[3].List[q].Index]
			d, err := ir.Accumulate(x.target, x.elem, a, b, uint32(c))
			if err != nil {
				trapf("%v", err)
			}
			x.w.regs[l][in.Args[0].List[q].Index] = uint64(d)
		}
	}
}
