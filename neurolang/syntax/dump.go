package syntax

import (
	"fmt"
	"reflect"
	"strings"

	"tensoros/neurolang/source"
)

// Dump returns the tree of a file as text: a node a line, its kind, place and plain fields, what it
// contains indented below.
func Dump(f *File) string {
	d := &dumper{file: f}
	for _, i := range f.Imports {
		d.value("", reflect.ValueOf(i), 0)
	}
	for _, i := range f.Items {
		d.value("", reflect.ValueOf(i), 0)
	}
	for _, s := range f.Stmts {
		d.value("", reflect.ValueOf(s), 0)
	}
	return d.out.String()
}

type dumper struct {
	file *File
	out  strings.Builder
}

// value writes a node, or what is in a list or struct without a name of its own.
func (d *dumper) value(label string, v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			d.value(label, v.Elem(), depth)
		}
	case reflect.Slice:
		for i := range v.Len() {
			d.value(label, v.Index(i), depth)
		}
	case reflect.Struct:
		if v.Type() != reflect.TypeFor[source.Span]() {
			d.node(label, v, depth)
		}
	}
}

func (d *dumper) node(label string, v reflect.Value, depth int) {
	fmt.Fprintf(&d.out, "%s%s%s%s", strings.Repeat("  ", depth), label, v.Type().Name(), d.place(v))
	var inner []int
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch {
		case f.Anonymous && f.Name == "ItemHead":
			d.plain(v.Field(i))
			inner = append(inner, i)
		case !f.IsExported():
		case isPlain(f.Type):
			d.field(f.Name, v.Field(i))
		default:
			inner = append(inner, i)
		}
	}
	d.out.WriteByte('\n')
	for _, i := range inner {
		f := v.Type().Field(i)
		if f.Anonymous {
			for j := range v.Field(i).NumField() {
				if g := v.Field(i).Type().Field(j); g.IsExported() && !isPlain(g.Type) {
					d.value(strings.ToLower(g.Name)+": ", v.Field(i).Field(j), depth+1)
				}
			}
			continue
		}
		d.value(strings.ToLower(f.Name)+": ", v.Field(i), depth+1)
	}
}

// plain writes the plain fields of a head.
func (d *dumper) plain(v reflect.Value) {
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && isPlain(f.Type) {
			d.field(f.Name, v.Field(i))
		}
	}
}

// field writes a field that is not empty.
func (d *dumper) field(name string, v reflect.Value) {
	if v.IsZero() {
		return
	}
	if k, ok := v.Interface().(Kind); ok {
		fmt.Fprintf(&d.out, " %s=%s", strings.ToLower(name), k.Symbol())
		return
	}
	if v.Kind() == reflect.String {
		fmt.Fprintf(&d.out, " %s=%q", strings.ToLower(name), v.String())
		return
	}
	fmt.Fprintf(&d.out, " %s=%v", strings.ToLower(name), v.Interface())
}

func isPlain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int64, reflect.Float64, reflect.Uint8:
		return true
	}
	return false
}

// place is where a node begins.
func (d *dumper) place(v reflect.Value) string {
	if !v.CanAddr() {
		return ""
	}
	n, ok := v.Addr().Interface().(Node)
	if !ok || !n.Span().IsValid() {
		return ""
	}
	p := d.file.Source.Position(n.Span().Pos)
	return fmt.Sprintf(" %d:%d", p.Line, p.Col)
}
