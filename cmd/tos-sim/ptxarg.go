package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"tensoros/hw"
	"tensoros/hw/num"
	"tensoros/hw/ptx"
	"tensoros/sim"
)

// kernelArg is an argument of a kernel: a buffer in device memory, or a scalar.
type kernelArg struct {
	spec      string
	buffer    []byte // nil for a scalar
	unwritten bool   // leave the device's memory as it is
	scalar    uint64 // or where the buffer lies
	size      int    // bytes of a scalar
}

// argTypes are the element types of buffers and scalars: width, and how a number becomes bits.
var argTypes = map[string]struct {
	size int
	bits func(v float64) uint64
	show func(bits uint64) string
}{
	"u32": {4, func(v float64) uint64 { return uint64(uint32(int64(v))) },
		func(b uint64) string { return fmt.Sprint(uint32(b)) }},
	"s32": {4, func(v float64) uint64 { return uint64(uint32(int32(v))) },
		func(b uint64) string { return fmt.Sprint(int32(b)) }},
	"u64": {8, func(v float64) uint64 { return uint64(v) },
		func(b uint64) string { return fmt.Sprint(b) }},
	"s64": {8, func(v float64) uint64 { return uint64(int64(v)) },
		func(b uint64) string { return fmt.Sprint(int64(b)) }},
	"u8": {1, func(v float64) uint64 { return uint64(uint8(v)) },
		func(b uint64) string { return fmt.Sprint(uint8(b)) }},
	"f32": {4, func(v float64) uint64 { return uint64(math.Float32bits(float32(v))) },
		func(b uint64) string { return fmt.Sprint(math.Float32frombits(uint32(b))) }},
	"f64": {8, math.Float64bits,
		func(b uint64) string { return fmt.Sprint(math.Float64frombits(b)) }},
	"f16": {2, func(v float64) uint64 { return uint64(num.F32ToF16(float32(v))) },
		func(b uint64) string { return fmt.Sprint(num.F16ToF32(uint16(b))) }},
	"bf16": {2, func(v float64) uint64 { return uint64(num.F32ToBF16(float32(v))) },
		func(b uint64) string { return fmt.Sprint(num.BF16ToF32(uint16(b))) }},
}

const argForms = "write zeros:BYTES, room:BYTES, iota:N:TYPE, rand:N:TYPE[:SEED], file:PATH, or TYPE:VALUE " +
	"with u8 u32 s32 u64 s64 f16 bf16 f32 f64"

// maxBuffer bounds a buffer, so that a slip of the finger does not take all memory.
const maxBuffer = 4 << 30

// parseArg reads one --arg.
func (e *env) parseArg(spec string) (kernelArg, error) {
	a := kernelArg{spec: spec}
	kind, rest, ok := strings.Cut(spec, ":")
	bad := func(why string) (kernelArg, error) {
		return a, usage(argForms, "--arg %s: %s", spec, why)
	}
	if !ok {
		return bad("no value")
	}
	switch kind {
	case "zeros", "room", "iota", "rand":
		a.unwritten = kind == "room"
		return e.makeBuffer(a, kind, strings.Split(rest, ":"))
	case "file":
		data, err := e.readFile(rest)
		a.buffer = append([]byte{}, data...)
		return a, err
	}
	t, known := argTypes[kind]
	if !known {
		return bad(fmt.Sprintf("no type %q", kind))
	}
	a.size = t.size
	if n, err := strconv.ParseInt(rest, 0, 64); err == nil && !strings.Contains(kind, "f") {
		a.scalar = uint64(n) << (64 - 8*t.size) >> (64 - 8*t.size)
		return a, nil
	}
	v, err := strconv.ParseFloat(rest, 64)
	if err != nil {
		return bad(fmt.Sprintf("%q is not a number", rest))
	}
	a.scalar = t.bits(v)
	return a, nil
}

func (e *env) makeBuffer(a kernelArg, kind string, f []string) (kernelArg, error) {
	n, err := strconv.Atoi(f[0])
	size := 1
	t, known := argTypes["u8"], true
	if kind != "zeros" && kind != "room" {
		if len(f) < 2 {
			known = false
		} else {
			t, known = argTypes[f[1]]
			size = t.size
		}
	}
	if err != nil || n < 1 || n > maxBuffer/size || !known {
		return a, usage(argForms, "--arg %s: no such buffer", a.spec)
	}
	a.buffer = make([]byte, n*size)
	seed := e.seed
	if len(f) > 2 {
		if seed, err = strconv.ParseUint(f[2], 0, 64); err != nil {
			return a, usage(argForms, "--arg %s: %q is not a seed", a.spec, f[2])
		}
	}
	rnd := sim.NewRand(seed, a.spec)
	for i := range n {
		v := 0.0
		switch kind {
		case "iota":
			v = float64(i)
		case "rand":
			v = rnd.Normal()
		}
		putBits(a.buffer[i*size:(i+1)*size], t.bits(v))
	}
	return a, nil
}

func putBits(p []byte, v uint64) {
	for i := range p {
		p[i] = byte(v >> (8 * i))
	}
}

func getBits(p []byte) (v uint64) {
	for i, b := range p {
		v |= uint64(b) << (8 * i)
	}
	return v
}

// place copies the buffers to the device.
func place(a hw.Accelerator, args []kernelArg) error {
	for i := range args {
		x := &args[i]
		if x.buffer == nil {
			continue
		}
		at, err := a.Alloc(len(x.buffer))
		if err == nil && !x.unwritten {
			err = a.Write(at, x.buffer)
		}
		if err != nil {
			return failed("", "--arg %s: %w", x.spec, err)
		}
		x.scalar, x.size = uint64(at), 8
	}
	return nil
}

// collect brings the buffers back.
func collect(a hw.Accelerator, args []kernelArg) error {
	for i := range args {
		if x := &args[i]; x.buffer != nil {
			if err := a.Read(x.buffer, hw.DevicePtr(x.scalar)); err != nil {
				return failed("", "--arg %s: %w", x.spec, err)
			}
		}
	}
	return nil
}

// parameters lays the arguments out as the kernel declares them.
func parameters(f *ptx.Func, args []kernelArg) ([]byte, error) {
	if len(args) != len(f.Params) {
		return nil, usage(argForms, "kernel %s takes %d arguments, %d --arg are given", f.Name,
			len(f.Params), len(args))
	}
	var p []byte
	for i, v := range f.Params {
		for len(p)%v.Alignment() != 0 {
			p = append(p, 0)
		}
		bits, size := args[i].scalar, args[i].size
		if args[i].buffer != nil {
			size = 8
		}
		if size != v.Size() {
			return nil, usage(argForms, "--arg %s has %d bytes, parameter %d of %s takes %d",
				args[i].spec, size, i, f.Name, v.Size())
		}
		p = binary.LittleEndian.AppendUint64(p, bits)[:len(p)+size]
	}
	return p, nil
}
