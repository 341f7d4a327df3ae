package gen

import (
	"fmt"
	"slices"
	"strings"

	"tensoros/neurolang/abi"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/tir"
	"tensoros/neurolang/wir"
)

// Options of a compilation.
type Options struct {
	// Wavefronts and Sectors, if not 0, are the most that accesses may take: see Proof.
	Wavefronts int
	Sectors    float64
	Warps      int // of a CTA; 0: the compiler chooses
}

// Error says why no code can be generated, and for what.
type Error struct {
	Code diag.Code
	Loc  tir.Loc
	Msg  string
	Help string
	// Notes draw what the message says.
	Notes []string
}

// Error returns the code and message.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Msg) }

func fail(c diag.Code, at tir.Loc, help, format string, a ...any) *Error {
	return &Error{Code: c, Loc: at, Msg: fmt.Sprintf(format, a...), Help: help}
}

// target is what gen knows of a compute capability.
type target struct {
	name   string
	cc     int
	shared int // bytes a CTA may use (CUDA C++ Programming Guide, compute capabilities)
	fp8    bool
	hopper bool
}

var targets = []target{
	{"sm_80", 80, 166912, false, false},
	{"sm_86", 86, 101376, false, false},
	{"sm_89", 89, 101376, true, false},
	{"sm_90a", 90, 232448, true, true},
	{"sm_120", 120, 101376, true, false},
}

// Targets lists the compute capabilities that code is generated for.
func Targets() []int {
	var out []int
	for _, t := range targets {
		out = append(out, t.cc)
	}
	return out
}

func targetOf(cc int) *target {
	for i := range targets {
		if targets[i].cc == cc {
			return &targets[i]
		}
	}
	return nil
}

// mode is how much a variant takes for granted of shapes at launch.
type mode uint8

const (
	whole  mode = iota // tiles divide dimensions, and accesses are vectors
	vector             // accesses are vectors
	plain              // nothing
)

// Compile generates code for a verified kernel. The error is an *Error.
func Compile(k *tir.Kernel, cc int, opt Options) (*abi.Kernel, error) {
	t := targetOf(cc)
	if t == nil {
		return nil, fail(diag.Target, k.Loc, fmt.Sprintf("the targets are sm_%d", Targets()),
			"no code is generated for sm_%d", cc)
	}
	if !entryName(k.Name) {
		return nil, fail(diag.KernelName, k.Loc, "use letters a-z, digits and _",
			"PTX has no name %s", k.Name)
	}
	out := &abi.Kernel{Name: k.Name, Params: k.Params, Outs: k.Outs, Axes: k.Axes, Target: cc,
		Source: k.String()}
	o := optimise(k)
	out.FLOPs, out.Bytes = cost(o)
	for _, m := range []mode{whole, vector, plain} {
		g, err := generate(o, t, m, opt)
		if err != nil {
			return nil, err
		}
		v := g.variant()
		if n := len(out.Variants); n > 0 && slices.Equal(out.Variants[n-1].Needs, v.Needs) {
			continue
		}
		out.Variants = append(out.Variants, v)
		if len(v.Needs) == 0 {
			break
		}
	}
	return out, nil
}

// Dump gives the text of a kernel on a level: tile (after the passes on tile IR), warp or ptx.
func Dump(k *tir.Kernel, cc int, opt Options, level string) (string, error) {
	t := targetOf(cc)
	if t == nil {
		return "", fail(diag.Target, k.Loc, "", "no code is generated for sm_%d", cc)
	}
	o := optimise(k)
	if level == "tile" {
		return o.String(), nil
	}
	g, err := generate(o, t, whole, opt)
	if err != nil {
		return "", err
	}
	if level == "warp" {
		return g.f.String(), nil
	}
	return g.f.PTX(), nil
}

// generate makes the warp IR of one variant. Passes panic with *Error.
func generate(k *tir.Kernel, t *target, m mode, opt Options) (g *gen, err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			g, err = nil, e
		}
	}()
	g = &gen{t: t, facts: facts{k: k, mode: m}, opt: opt}
	for _, p := range passes {
		p.run(g)
	}
	return g, nil
}

// passes in order; each says why it stands where it stands. Those on tile IR come before, in
// optimise.
var passes = []struct {
	name, why string
	run       func(*gen)
}{
	{"plan", "what a kernel is (loops of loads that feed dots) decides warps and roles, and these " +
		"decide layouts", (*gen).plan},
	{"assign", "layouts have to be known before code, for conversions are code", (*gen).assign},
	{"emit", "one walk in program order", (*gen).emit},
	{"budget", "only code tells how much shared memory it takes", (*gen).budget},
	{"prove", "emission knows every access; only the fast variant is held", (*gen).prove},
	{"clean", "emission leaves operations without use", func(g *gen) { wir.Clean(g.f) }},
}

// variant is the result for the caller.
func (g *gen) variant() abi.Variant {
	return abi.Variant{Needs: g.needs, Entry: g.k.Name, PTX: g.f.PTX(), Threads: g.f.Threads,
		Shared: g.f.Shared, Slots: g.slots, Grid: g.grid, Cluster: g.f.Cluster, PerSM: g.perSM}
}

// entryName tells whether PTX takes an identifier (PTX ISA, "Identifiers").
func entryName(s string) bool {
	if s == "" || strings.ContainsFunc(s, func(c rune) bool {
		return c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	}) {
		return false
	}
	return s[0] < '0' || s[0] > '9'
}
