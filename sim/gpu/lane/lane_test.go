package lane

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// word is a random operand that likes the corners: small integers, and floats of every kind.
func word(r *rand.Rand) uint32 {
	corners := []uint32{0, 1, 0x80000000, 0x7fffffff, 0xffffffff, 0x7f800000, 0xff800000,
		0x7fc00000, 0x7f800001, 0xffc00001, 0x00800000, 0x007fffff, 0x807fffff, 0x80000001,
		0x3f800000, 0xbf800000, 0x7f7fffff, 0xff7fffff, 31, 32, 33, 64}
	switch r.IntN(4) {
	case 0:
		return corners[r.IntN(len(corners))]
	case 1:
		return r.Uint32() & 0xff
	case 2: // near 1, so that sums cancel
		return 0x3f800000 + r.Uint32()&0x7 | r.Uint32()&0x80000000
	}
	return r.Uint32()
}

func row(r *rand.Rand) *Row {
	d := new(Row)
	for l := range d {
		d[l] = word(r)
	}
	return d
}

func wide(r *rand.Rand) *Wide {
	d := new(Wide)
	for l := range d {
		d[l] = uint64(word(r))<<32 | uint64(word(r))
		if r.IntN(3) == 0 {
			d[l] = uint64(word(r))
		}
	}
	return d
}

// offsetsFor lie in n bytes, for elements of size.
func offsetsFor(r *rand.Rand, n, size int) *Row {
	d := new(Row)
	for l := range d {
		d[l] = uint32(r.IntN(n - size + 1))
	}
	return d
}

// arguments makes random operands for a field of the table.
func arguments(r *rand.Rand, f reflect.Type, size int) []reflect.Value {
	var args []reflect.Value
	memory := false
	for i := range f.NumIn() {
		switch t := f.In(i); {
		case t == reflect.TypeFor[[]byte]():
			memory = true
			p := make([]byte, 300)
			for j := range p {
				p[j] = byte(r.Uint32())
			}
			args = append(args, reflect.ValueOf(p))
		case t == reflect.TypeFor[*Row]() && memory && f.In(i-1) == reflect.TypeFor[[]byte]():
			args = append(args, reflect.ValueOf(offsetsFor(r, 300, size)))
		case t == reflect.TypeFor[*Row]():
			args = append(args, reflect.ValueOf(row(r)))
		case t == reflect.TypeFor[*Wide]():
			args = append(args, reflect.ValueOf(wide(r)))
		case t.Kind() == reflect.Uint32:
			args = append(args, reflect.ValueOf(word(r)))
		case t.Kind() == reflect.Uint64:
			args = append(args, reflect.ValueOf(r.Uint64()))
		}
	}
	return args
}

// copied clones what arguments point to; where two are the same place they stay so.
func copied(args []reflect.Value) []reflect.Value {
	var out []reflect.Value
	twin := map[any]reflect.Value{}
	for _, a := range args {
		switch v := a.Interface().(type) {
		case *Row:
			if _, ok := twin[v]; !ok {
				c := *v
				twin[v] = reflect.ValueOf(&c)
			}
			out = append(out, twin[v])
		case *Wide:
			if _, ok := twin[v]; !ok {
				c := *v
				twin[v] = reflect.ValueOf(&c)
			}
			out = append(out, twin[v])
		case []byte:
			out = append(out, reflect.ValueOf(append([]byte(nil), v...)))
		default:
			out = append(out, a)
		}
	}
	return out
}

func values(args, results []reflect.Value) (out []any) {
	for _, a := range append(append([]reflect.Value(nil), args...), results...) {
		if a.Kind() == reflect.Pointer {
			a = a.Elem()
		}
		out = append(out, a.Interface())
	}
	return out
}

// TestBestIsPortable: every operation gives the same bits and writes the same places, also when
// results are operands.
func TestBestIsPortable(t *testing.T) {
	best, portable := reflect.ValueOf(Best), reflect.ValueOf(Portable())
	for i := range best.NumField() {
		name := best.Type().Field(i).Name
		f, g := best.Field(i), portable.Field(i)
		if f.IsNil() || g.IsNil() {
			t.Errorf("%s is missing", name)
			continue
		}
		r := rand.New(rand.NewPCG(7, uint64(i)))
		size := 4
		if name == "Gather64" || name == "Scatter64" {
			size = 8
		}
		for n := range 3000 {
			args := arguments(r, f.Type(), size)
			if n%3 == 1 { // in place
				for j := 1; j < len(args); j++ {
					if args[j].Type() == args[0].Type() && args[0].Kind() == reflect.Pointer {
						args[0] = args[j]
						break
					}
				}
			}
			other := copied(args)
			got := values(args, f.Call(args))
			want := values(other, g.Call(other))
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %#x, want %#x", name, got, want)
				break
			}
		}
	}
}

// TestWhatRandomRowsMiss: consecutive offsets, and differences below a power of two.
func TestWhatRandomRowsMiss(t *testing.T) {
	for _, table := range []Table{Best, Portable()} {
		var a Row
		for l := range a {
			a[l] = uint32(100 + 4*l)
		}
		if !table.Consecutive(&a) {
			t.Error("consecutive offsets are not seen")
		}
		for l := range a {
			b := a
			b[l]++
			if table.Consecutive(&b) {
				t.Errorf("lane %d breaks the row, unseen", l)
			}
			var x Wide
			for k := range x {
				x[k] = 1<<40 + 16
			}
			x[l] += 1 << 33
			if all := table.Offsets(&b, &x, 1<<40); all != 1<<33|16 || b[l] != 16 {
				t.Errorf("lane %d: %#x, %d", l, all, b[l])
			}
		}
	}
}

func BenchmarkOps(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	d, x, y, z, w := row(r), row(r), row(r), row(r), wide(r)
	mem := make([]byte, 1<<16)
	half := new(Row)
	for l := range half {
		half[l] = uint32(l / 16 * 1024)
	}
	for _, c := range []struct {
		name string
		f    func(t *Table)
	}{
		{"Add", func(t *Table) { t.Add(d, x, y) }},
		{"Fma", func(t *Table) { t.Fma(d, x, y, z) }},
		{"FmaFtz", func(t *Table) { t.FmaFtz(d, x, y, z) }},
		{"MulWide", func(t *Table) { t.MulWideS(w, x, y, w) }},
		{"Add64", func(t *Table) { t.Add64(w, w, w) }},
		{"GtS", func(t *Table) { t.GtS(x, y) }},
		{"Select", func(t *Table) { t.Select(d, x, y, 0x0ff0ff00) }},
		{"Offsets", func(t *Table) { t.Offsets(d, w, 0) }},
		{"Gather", func(t *Table) { t.Gather(d, mem, half) }},
		{"Scatter", func(t *Table) { t.Scatter(mem, half, d) }},
	} {
		for _, k := range []struct {
			name string
			t    Table
		}{{"best", Best}, {"portable", Portable()}} {
			b.Run(c.name+"/"+k.name, func(b *testing.B) {
				for b.Loop() {
					c.f(&k.t)
				}
			})
		}
	}
}
