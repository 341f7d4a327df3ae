package layout

// Blocked gives each lane 2^vec neighbours along the dimension that is contiguous in memory, lanes
// the next ones, warps the last, and registers what is between; order lists dimensions, contiguous
// first. Lanes and warps that find nothing hold copies.
func Blocked(dims, order []int, vec, warps int) *Layout {
	var places []uint32
	for _, d := range order {
		for b := range dims[d] {
			places = append(places, 1<<(Shift(dims, d)+b))
		}
	}
	l := &Layout{Dims: dims}
	vec = min(vec, len(places))
	if len(order) > 0 {
		vec = min(vec, dims[order[0]])
	}
	l.Reg = append(l.Reg, places[:vec]...)
	places = places[vec:]
	lanes := min(5, len(places))
	l.Lane = pad(places[:lanes], 5)
	places = places[lanes:]
	w := min(warps, len(places))
	l.Warp = pad(places[len(places)-w:], warps)
	l.Reg = append(l.Reg, places[:len(places)-w]...)
	return l
}

func pad(v []uint32, n int) []uint32 {
	out := make([]uint32, n)
	copy(out, v)
	return out
}

// maker builds layouts of matrices from named coordinate bits; bits that the tile does not have
// become copies where they would be lanes or warps or belong to an instruction.
type maker struct {
	l        *Layout
	row, col int // log2 of the sides
}

func (m *maker) at(isRow bool, bit int) uint32 {
	switch {
	case isRow && bit < m.row:
		return 1 << (m.col + bit)
	case !isRow && bit < m.col:
		return 1 << bit
	}
	return 0
}

// rest gives registers all bits from the given ones up to the ends.
func (m *maker) rest(isRow bool, from, to int) {
	for b := from; b < to; b++ {
		m.l.Reg = append(m.l.Reg, m.at(isRow, b))
	}
}

// Sum is the accumulator of m16n8 instructions (PTX ISA, mma, matrix C; with all warps along m also
// wgmma, matrix D): warps along m take 16 rows each, from the lowest; warps along n the highest
// columns.
func Sum(dims []int, warpsM, warpsN int) *Layout {
	m := &maker{l: &Layout{Dims: dims}, row: dims[0], col: dims[1]}
	m.l.Reg = []uint32{m.at(false, 0), m.at(true, 3)}
	m.l.Lane = []uint32{m.at(false, 1), m.at(false, 2), m.at(true, 0), m.at(true, 1), m.at(true, 2)}
	n := max(m.col-warpsN, 3)
	m.rest(false, 3, n)
	m.rest(true, 4+warpsM, m.row)
	for b := range warpsM {
		m.l.Warp = append(m.l.Warp, m.at(true, 4+b))
	}
	for b := range warpsN {
		m.l.Warp = append(m.l.Warp, m.at(false, n+b))
	}
	return m.l
}

// Left is the operand A of those instructions with elements of 2^size bytes: 16 rows, and 32 bytes
// of k (PTX ISA, mma, matrix A).
func Left(dims []int, size, warpsM, warpsN int) *Layout {
	m := &maker{l: &Layout{Dims: dims}, row: dims[0], col: dims[1]}
	k := 2 - size // bits of k in a register
	m.rest(false, 0, k)
	m.l.Lane = []uint32{m.at(false, k), m.at(false, k+1), m.at(true, 0), m.at(true, 1),
		m.at(true, 2)}
	m.l.Reg = append(m.l.Reg, m.at(true, 3), m.at(false, k+2))
	m.rest(false, k+3, m.col)
	m.rest(true, 4+warpsM, m.row)
	for b := range warpsM {
		m.l.Warp = append(m.l.Warp, m.at(true, 4+b))
	}
	m.l.Warp = append(m.l.Warp, make([]uint32, warpsN)...)
	return m.l
}

// Right is the operand B of those instructions, k rows of columns: 8 columns, and 32 bytes of k.
func Right(dims []int, size, warpsM, warpsN int) *Layout {
	m := &maker{l: &Layout{Dims: dims}, row: dims[0], col: dims[1]}
	k := 2 - size
	m.rest(true, 0, k)
	m.l.Lane = []uint32{m.at(true, k), m.at(true, k+1), m.at(false, 0), m.at(false, 1),
		m.at(false, 2)}
	m.l.Reg = append(m.l.Reg, m.at(true, k+2))
	m.rest(true, k+3, m.row)
	n := max(m.col-warpsN, 3)
	m.rest(false, 3, n)
	m.l.Warp = make([]uint32, warpsM)
	for b := range warpsN {
		m.l.Warp = append(m.l.Warp, m.at(false, n+b))
	}
	return m.l
}
