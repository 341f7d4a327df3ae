package ptx

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// sameModule compares everything but positions.
func sameModule(a, b *Module) bool {
	x, y := *a, *b
	stripPos(reflect.ValueOf(&x))
	stripPos(reflect.ValueOf(&y))
	return reflect.DeepEqual(&x, &y)
}

var posType = reflect.TypeOf(Pos{})

func stripPos(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() && v.Type() != reflect.TypeOf(&Op{}) && v.Type() != reflect.TypeOf(&Regs{}) {
			stripPos(v.Elem())
		}
	case reflect.Slice:
		for i := 0; i < v.Len(); i++ {
			stripPos(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == posType {
			if v.CanSet() {
				v.SetZero()
			}
			return
		}
		for i := 0; i < v.NumField(); i++ {
			if v.Type().Field(i).IsExported() {
				stripPos(v.Field(i))
			}
		}
	}
}

func kernels(t testing.TB) []string {
	files, err := filepath.Glob("testdata/*.ptx")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata/*.ptx", err)
	}
	return files
}

func readKernel(t testing.TB, file string) []byte {
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func TestKernels(t *testing.T) {
	for _, f := range kernels(t) {
		t.Run(filepath.Base(f), func(t *testing.T) {
			roundTrip(t, f, string(readKernel(t, f)))
		})
	}
}
