package check

import (
	"errors"
	"fmt"
	"reflect"

	"tensoros/neurolang/hir"
)

// verify looks for what no consumer of hir can work with: nil nodes, poison, foreign variables.
func verify(p *hir.Program) error {
	var errs []error
	for _, f := range p.Funcs {
		v := &verifier{seen: map[any]bool{}, where: f.Name, vars: map[*hir.Var]bool{}}
		for _, x := range f.Params {
			v.vars[x] = true
			v.typ(x.Type)
		}
		v.typ(f.Result)
		v.block(f.Body)
		errs = append(errs, v.errs...)
	}
	for _, k := range p.Kernels {
		v := &verifier{seen: map[any]bool{}, where: k.Name, vars: map[*hir.Var]bool{}, kernel: true}
		for _, x := range k.Params {
			v.vars[x] = true
			v.typ(x.Type)
		}
		for _, a := range k.Axes {
			v.vars[a.Var] = true
		}
		v.block(k.Body)
		errs = append(errs, v.errs...)
	}
	return errors.Join(errs...)
}

type verifier struct {
	seen   map[any]bool
	vars   map[*hir.Var]bool
	where  string
	kernel bool
	errs   []error
}

func (v *verifier) fail(format string, a ...any) {
	v.errs = append(v.errs, fmt.Errorf(v.where+": "+format, a...))
}

func (v *verifier) typ(t *hir.Type) {
	if t == nil || t.Kind == poison {
		v.fail("type %v", t)
	}
}

func (v *verifier) block(b *hir.Block) {
	if b == nil {
		return
	}
	for _, s := range b.Stmts {
		v.stmt(s)
	}
	if b.Value != nil {
		v.expr(b.Value)
	}
}

func (v *verifier) stmt(s hir.Stmt) {
	switch s := s.(type) {
	case *hir.Let:
		v.typ(s.Var.Type)
		if s.Value != nil {
			v.expr(s.Value)
		}
		v.vars[s.Var] = true
	case *hir.Assign:
		v.expr(s.Place)
		v.expr(s.Value)
	case *hir.Do:
		v.expr(s.X)
	case *hir.While:
		v.expr(s.Cond)
		v.block(s.Body)
	case *hir.For:
		v.vars[s.Var] = true
		v.expr(s.Over)
		v.block(s.Body)
	case *hir.Return:
		if s.Value != nil {
			v.expr(s.Value)
		}
	case *hir.Drop:
		if !v.vars[s.Var] {
			v.fail("drop of a foreign variable %s", s.Var.Name)
		}
	}
}

// expr walks all expressions by reflection, so that no kind is forgotten.
func (v *verifier) expr(x hir.Expr) {
	if x == nil || reflect.ValueOf(x).IsNil() {
		v.fail("a nil expression")
		return
	}
	if _, ok := x.(*pipelined); ok {
		v.fail("a pipeline without its loop")
	}
	v.typ(x.Type())
	if l, ok := x.(*hir.Local); ok && !v.vars[l.Var] && !l.Var.Global {
		v.fail("foreign variable %s", l.Var.Name)
	}
	if b, ok := x.(*hir.Binary); ok && v.kernel && (b.L.Type().Elem != b.R.Type().Elem ||
		!sameDims(b.L.Type().Dims, b.R.Type().Dims)) {
		v.fail("operands of %s and %s", String(b.L.Type()), String(b.R.Type()))
	}
	if t := x.Type(); v.kernel && (t == integer || t == float) {
		if _, ok := x.(*hir.Const); !ok {
			v.fail("a host number in a kernel: %T", x)
		}
	}
	val := reflect.ValueOf(x).Elem()
	for i := range val.NumField() {
		switch f := val.Field(i).Interface().(type) {
		case hir.Expr:
			if f != nil {
				v.expr(f)
			}
		case []hir.Expr:
			for _, y := range f {
				if y != nil {
					v.expr(y)
				}
			}
		case *hir.Block:
			v.block(f)
		}
	}
}
