package sim

// Rand is a stream of chance for one component, so that a draw in one place never moves the
// draws of another (SplitMix64).
type Rand struct {
	state uint64
}

// NewRand seeds a stream by the run's seed and the component's track path.
func NewRand(seed uint64, path string) *Rand {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a, 64 bits
	h := uint64(offset)
	for i := range len(path) {
		h = (h ^ uint64(path[i])) * prime
	}
	return &Rand{mix(h ^ mix(seed))}
}

// Uint64 is uniform over 64 bits.
func (r *Rand) Uint64() uint64 {
	r.state += 0x9e3779b97f4a7c15
	return mix(r.state)
}

// Intn is uniform over [0, n), with a bias below n / 2^64.
func (r *Rand) Intn(n int) int { return int(r.Uint64() % uint64(n)) }

// Float64 is uniform over [0, 1).
func (r *Rand) Float64() float64 { return float64(r.Uint64()>>11) / (1 << 53) }

// Normal is a standard normal variate to within 1 % of its density out to 3 sigma, never beyond
// 6: the sum of twelve uniform draws (Irwin-Hall). Integers all the way, so that the bits are the
// same on every architecture, which math.Log under fused multiply-add would not promise.
func (r *Rand) Normal() float64 {
	var sum int64
	for range 6 {
		u := r.Uint64()
		sum += int64(u>>32) + int64(u&0xffffffff)
	}
	return float64(sum-6<<32) / (1 << 32)
}
