package check

import "tensoros/neurolang/hir"

// Receiver names the type whose methods in package builtin a value of type t has; "" if none.
func Receiver(t *hir.Type) string {
	switch deref(t).Kind {
	case hir.Tensor:
		return "Tensor"
	case hir.Array:
		return "Array"
	case hir.String:
		return "string"
	case hir.Tile:
		return "tile"
	case hir.Span:
		return "span"
	}
	return ""
}

// Exports returns what stands behind a module's or type's name and ::.
func (in *Info) Exports(o *Object) (out []*Object) {
	switch o.Kind {
	case "enum", "struct":
		for _, m := range in.members[o.Name] {
			if m.Kind != "field" {
				out = append(out, m)
			}
		}
	case "module":
		out = in.members["module "+o.Name]
	}
	return out
}
