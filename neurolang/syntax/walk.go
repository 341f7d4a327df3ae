package syntax

import "reflect"

// Inspect calls f for every node of a file, in the order of the fields.
func Inspect(n *File, f func(Node)) { inspect(reflect.ValueOf(n), f) }

var nodeType = reflect.TypeFor[Node]()

func inspect(v reflect.Value, f func(Node)) {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			inspect(v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			inspect(v.Index(i), f)
		}
	case reflect.Pointer:
		if v.IsNil() || v.Type().Elem().Kind() != reflect.Struct ||
			v.Type().Elem().PkgPath() != pkg {
			return
		}
		if v.Type().Implements(nodeType) {
			f(v.Interface().(Node))
		}
		inspect(v.Elem(), f)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() || v.Type().Field(i).Anonymous {
				inspect(v.Field(i), f)
			}
		}
	}
}

var pkg = reflect.TypeFor[File]().PkgPath()
