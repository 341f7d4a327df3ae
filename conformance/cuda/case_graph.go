package cuda

// graph is a random graph in CSR: where the edges of each vertex start, and where they go.
func graph(n, most int, seed uint64) (start []int32, edges []int32) {
	start = []int32{0}
	for v := range n {
		for e := range int(word(seed, uint64(v)) % uint64(most+1)) {
			edges = append(edges, int32(word(seed+1, uint64(v*most+e))%uint64(n)))
		}
		start = append(start, int32(len(edges)))
	}
	return start, edges
}

var graphCases = []Case{
	{Name: "graph/bfs", Grid: line(5, 64), Args: func() []any {
		const n, depth = 300, 2
		start, edges := graph(n, 6, 1)
		level := table(n, func(i int) int32 { // as if found before
			switch i % 9 {
			case 0:
				return depth
			case 1:
				return int32(i % depth)
			}
			return -1
		})
		after := append([]int32(nil), level...)
		var found uint32
		for v := range n {
			for _, e := range edges[start[v]:start[v+1]] {
				if level[v] == depth && after[e] == -1 {
					after[e] = depth + 1
					found++
				}
			}
		}
		return []any{change(level, after), out([]uint32{found}), in(start), in(edges), int32(depth),
			int32(n)}
	}},
	sparse("graph/spmv_scalar", 3, 1),
	sparse("graph/spmv_vector", 38, 32),
	{Name: "graph/compact", Grid: line(3, 256), Args: func() []any {
		v := ints(768, 2, 1000)
		kept, counts := make([]int32, 768), make([]int32, 3)
		for i, x := range v {
			if b := i / 256; x > 0 {
				kept[b*256+int(counts[b])] = x
				counts[b]++
			}
		}
		return []any{out(kept), out(counts), in(v)}
	}},
}

// sparse is a matrix by a vector, with so many lanes a row.
func sparse(name string, blocks uint32, lanes int) Case {
	return Case{Name: name, Grid: line(blocks, 64), Args: func() []any {
		const n = 75
		start, col := graph(n, 50, 3)
		val, x := floats(len(col), 4), floats(n, 5)
		y := table(n, func(r int) float32 {
			sum := make([]float32, lanes)
			for i, e := 0, start[r]; e < start[r+1]; i, e = i+1, e+1 {
				sum[i%lanes] = fma32(val[e], x[col[e]], sum[i%lanes])
			}
			for d := lanes / 2; d > 0; d /= 2 {
				for l := range d { // the lanes that the first one needs
					sum[l] = add32(sum[l], sum[l+d])
				}
			}
			return sum[0]
		})
		return []any{out(y), in(start), in(col), in(val), in(x), int32(n)}
	}}
}
