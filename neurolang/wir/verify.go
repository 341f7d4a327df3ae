package wir

import (
	"fmt"
	"maps"
	"strings"
)

// Verify checks the rules of the IR: registers are set before they are read, on every path;
// predicates guard; barriers and register counts are those that the machine has; copies are
// committed before somebody waits for them; accumulators rest while their products are under way
// (facts/codegen.md, section 8).
func Verify(f *Func) error {
	v := &verifier{f: f, set: map[Reg]bool{}}
	if f.Name == "" || f.Target == "" || f.Version == "" || f.Threads < 1 || f.Threads > 1024 {
		return fmt.Errorf("function %q of %d threads for %q %q", f.Name, f.Threads, f.Target,
			f.Version)
	}
	v.names, _ = f.names()
	if err := v.body(f.Body); err != nil {
		return fmt.Errorf("warp IR of %s: %w", f.Name, err)
	}
	return nil
}

type verifier struct {
	f      *Func
	names  []string
	set    map[Reg]bool
	copies bool    // cp.async without a commit
	open   []Reg   // accumulators of products without a commit
	groups [][]Reg // of committed ones, the oldest first
	busy   map[Reg]int
}

func (v *verifier) body(body []*Node) error {
	for _, n := range body {
		if err := v.node(n); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) node(n *Node) error {
	if n.Kind != Loop {
		if err := v.reads(n); err != nil {
			return err
		}
	}
	switch n.Kind {
	case Note:
		return nil
	case Loop:
		return v.loop(n)
	case If:
		return v.branch(n)
	}
	if err := v.rules(n); err != nil {
		return err
	}
	return v.writes(n)
}

// loop checks a body twice, for products under way may go round.
func (v *verifier) loop(n *Node) error {
	for range 2 {
		if err := v.body(n.Body); err != nil {
			return err
		}
		if err := v.reads(n); err != nil {
			return err
		}
	}
	return nil
}

func (v *verifier) branch(n *Node) error {
	before := maps.Clone(v.set)
	if err := v.body(n.Body); err != nil {
		return err
	}
	then := v.set
	v.set = before
	if err := v.body(n.Else); err != nil {
		return err
	}
	maps.DeleteFunc(v.set, func(r Reg, _ bool) bool { return !then[r] })
	return nil
}

func (v *verifier) reads(n *Node) (err error) {
	if n.Guard.Kind != None && (n.Guard.Kind != InReg || v.f.Class[n.Guard.Reg] != P) {
		return fmt.Errorf("%s: the guard is no predicate", n.Op)
	}
	if (n.Kind == Loop || n.Kind == If) && n.Guard.Kind == None {
		return fmt.Errorf("a branch without a condition")
	}
	sources(n, func(r *Reg) {
		switch {
		case err != nil:
		case !v.set[*r]:
			err = fmt.Errorf("%s reads %s before it is set", n.Op, v.names[*r])
		case v.busy[*r] > 0 && !strings.HasPrefix(n.Op, "wgmma.mma"):
			err = fmt.Errorf("%s reads %s, which a product under way uses", n.Op, v.names[*r])
		}
	})
	for i := range n.Src {
		if a := &n.Src[i]; a.Kind == Mem && a.Text == "" && v.f.Class[a.Reg] < R && err == nil {
			err = fmt.Errorf("%s: %s is no address", n.Op, v.names[a.Reg])
		}
	}
	return err
}

func (v *verifier) writes(n *Node) (err error) {
	wgmma := strings.HasPrefix(n.Op, "wgmma.mma")
	results(n, func(r *Reg) {
		if v.busy[*r] > 0 && !wgmma && err == nil {
			err = fmt.Errorf("%s writes %s, which a product under way uses", n.Op, v.names[*r])
		}
		if n.Guard.Kind == None {
			v.set[*r] = true
		}
		if wgmma {
			v.open = append(v.open, *r)
			v.take(*r, 1)
		}
	})
	return err
}

func (v *verifier) take(r Reg, by int) {
	if v.busy == nil {
		v.busy = map[Reg]int{}
	}
	v.busy[r] += by
}

// rules checks what single instructions ask for.
func (v *verifier) rules(n *Node) error {
	first := int64(-1)
	if len(n.Src) > 0 && n.Src[0].Kind == Imm {
		first = n.Src[0].Off
	}
	switch word := n.Op; {
	case word == "bar.sync" || word == "bar.arrive":
		if first < 0 || first > 15 || len(n.Src) > 1 && n.Src[1].Off%32 != 0 {
			return fmt.Errorf("%s: barriers are 0 to 15, for whole warps", word)
		}
	case strings.HasPrefix(word, "setmaxnreg."):
		if first < 24 || first > 256 || first%8 != 0 {
			return fmt.Errorf("%s: %d registers", word, first)
		}
	case strings.HasPrefix(word, "cp.async.ca.") || strings.HasPrefix(word, "cp.async.cg."):
		v.copies = true
	case word == "cp.async.commit_group" || word == "cp.async.wait_all":
		v.copies = false
	case word == "cp.async.wait_group":
		if v.copies {
			return fmt.Errorf("%s: copies without a commit", word)
		}
	case strings.HasPrefix(word, "wgmma.commit_group"):
		v.groups = append(v.groups, v.open)
		v.open = nil
	case strings.HasPrefix(word, "wgmma.wait_group"):
		if len(v.open) > 0 {
			return fmt.Errorf("%s: products without a commit", word)
		}
		for len(v.groups) > int(max(first, 0)) {
			for _, r := range v.groups[0] {
				v.take(r, -1)
			}
			v.groups = v.groups[1:]
		}
	}
	return nil
}
