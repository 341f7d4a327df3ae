package check

import (
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/hir"
	"tensoros/neurolang/syntax"
)

// Names that other languages have, and what is written here.
var (
	nameWords = map[string]string{
		"range": "write 0..n", "True": "write true", "False": "write false",
		"null": "write None, of an Option", "nil": "write None, of an Option",
		"undefined": "write None, of an Option", "nullptr": "write None, of an Option",
		"println": "write print(...)", "printf": "write print(f\"{x}\")",
		"echo": "write print(...)", "console": "write print(...)",
		"tensor": "write Tensor::from([1.0, 2.0], [2], f32)",
		"array":  "write [1, 2, 3]", "list": "write [1, 2, 3]", "vec": "write [1, 2, 3]",
		"Vec": "write [1, 2, 3]", "np": "write Tensor::zeros([2, 3], f32)",
		"torch": "write Tensor::zeros([2, 3], f32)", "this": "write self",
		"float16": "write f16", "float32": "write f32", "float64": "write f64",
		"bfloat16": "write bf16", "int8": "write i8", "int32": "write i32", "uint8": "write u8",
		"half": "write f16", "double": "write f64", "String": "write str(...)",
		"sizeof": "an element type's size is part of its name: f16 has 16 bits",
		"mean":   "write sum(x) / n", "matmul": "write a @ b", "exit": "write panic(...)",
		"log": "write ln(x)", "round": "write floor(x + 0.5)", "fabs": "write abs(x)",
		"type": "types are known to the compiler: str(t.elem()) names an element type",
		"not":  "write !x", "range_": "write 0..n", "enumerate": "write for i in 0..len(xs)",
		"zip": "write for i in 0..len(xs)", "input": "programs take no input",
	}
	typeWords = map[string]string{
		"str": "string", "String": "string", "char": "string", "double": "float", "f64": "float",
		"boolean": "bool", "number": "float", "uint": "int", "long": "int", "integer": "int",
		"int64": "int", "int32": "int", "u64": "int", "u32": "int", "i16": "int", "usize": "int",
		"isize": "int", "size_t": "int", "float32": "f32", "float16": "f16", "bfloat16": "bf16",
		"half": "f16", "float64": "f64", "tensor": "Tensor",
	}
	typeHelp = map[string]string{
		"Vec": "an array's type is [T]", "List": "an array's type is [T]",
		"list": "an array's type is [T]", "HashMap": "there are no maps: use an array of pairs",
		"dict": "there are no maps: use an array of pairs",
		"Map":  "there are no maps: use an array of pairs", "Box": "put it into an array: [T]",
		"void": "leave the result out", "None": "leave the result out",
		"Any": "use a type parameter: <T>",
		"any": "use a type parameter: <T>", "object": "use a type parameter: <T>",
	}
	memberWords = map[hir.Kind]map[string]string{
		hir.Array: {"append": "write push", "add": "write push", "push_back": "write push",
			"length": "write len()", "size": "write len()", "count": "write len()",
			"map": "fill a new array in a loop", "iter": "write for x in xs",
			"sort": "std.reduce sorts tensors"},
		hir.String: {"length": "write len()", "size": "write len()", "format": "write f\"{x}\"",
			"strip": "write trim()"},
		hir.Tensor: {"len": "write t.dim(0)", "size": "write t.shape(), or t.dim(i)",
			"dtype": "write t.elem()", "T": "write t.t()", "transpose": "write t.t()",
			"clone": "write t.copy()", "numpy": "write t.array()", "tolist": "write t.array()",
			"sum": "std.reduce has sums", "view_as": "write t.reshape([...])",
			"ndim": "write len(t.shape())", "cuda": "write t.to(device::get(0))",
			"matmul": "write a @ b", "dot": "write a @ b", "cast": "write t as f16",
			"astype": "write t as f16", "mean": "std.reduce has sums"},
		hir.Tile: {"sum": "write sum(x, 0)", "max": "write max(x, axis=0)", "T": "write x.t()",
			"shape": "its dimensions are constants of its type", "exp": "write exp(x)"},
		hir.Enum: {"unwrap": unwrapHelp, "expect": unwrapHelp, "is_some": "write match x { Some(_) => true, None => false }",
			"is_none": "write match x { Some(_) => false, None => true }", "unwrap_or": unwrapHelp,
			"value": unwrapHelp},
	}
)

const unwrapHelp = "write match x { Some(v) => v, None => ... }, or x? in a function with such a result"

// wordHelp says what a name of another language is here; false: it is none.
func (c *checker) wordHelp(d *diag.Diagnostic, n *syntax.Name, sc *scope) bool {
	if def := c.variantOwner(n.Text, sc); def != nil {
		path := def.name.Text + "::" + n.Text
		d.Hint("write %s", path).Replace(n.Span(), path, "write "+path)
		return true
	}
	if n.Text == "self" {
		d.Hint("take it: the first parameter of a method is &self, &mut self or self")
		return true
	}
	p, ok := sc.lookup("Self").(*typeParam)
	if ok && p.typ != nil && fieldIndex(p.typ, n.Text) >= 0 {
		d.Hint("write self.%s", n.Text).Replace(n.Span(), "self."+n.Text, "write self."+n.Text)
		return true
	}
	help, ok := nameWords[n.Text]
	if ok {
		d.Hint("%s", help)
		if w, one := strings.CutPrefix(help, "write "); one && !strings.ContainsAny(w, " (.[") {
			d.Replace(n.Span(), w, help)
		}
	}
	return ok
}

// variantOwner finds the enum of a scope that has a variant of this name, if only one does.
func (c *checker) variantOwner(name string, sc *scope) (found *defObj) {
	for _, n := range sc.all() {
		def, ok := sc.lookup(n).(*defObj)
		if !ok || def.enum == nil || def == found {
			continue
		}
		for _, v := range def.enum.Variants {
			if v.Name.Text == name {
				if found != nil {
					return nil
				}
				found = def
			}
		}
	}
	return found
}

func names(parts []*syntax.Name) (out []string) {
	for _, p := range parts {
		out = append(out, p.Text)
	}
	return out
}
