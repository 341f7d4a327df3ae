package sim

// Lane serves one request at a time: a wire, a bank, an issue port.
type Lane struct {
	free Time
	busy Time
}

// Reserve takes the lane for d from the first free moment at or after at, and returns when it
// starts. Requests must be reserved in the order in which they are to be served.
func (l *Lane) Reserve(at, d Time) (start Time) {
	start = max(at, l.free)
	l.free = start + d
	l.busy += d
	return start
}

// Free is when the lane is next idle.
func (l *Lane) Free() Time { return l.free }

// Busy is how long the lane has been reserved in all.
func (l *Lane) Busy() Time { return l.busy }

// Pipe accepts a request every Interval and answers each after Latency.
type Pipe struct {
	Latency, Interval Time
	lane              Lane
}

// Enter returns when a request that arrives at at starts and when it is answered.
func (p *Pipe) Enter(at Time) (start, done Time) {
	start = p.lane.Reserve(at, p.Interval)
	return start, start + p.Latency
}

// Lanes is a group of equal servers; each request takes the one that is free first.
type Lanes []Lane

// Reserve is Lane.Reserve on the lane that is free first, the lowest numbered of equals.
func (g Lanes) Reserve(at, d Time) (start Time, lane int) {
	for i := range g {
		if g[i].free < g[lane].free {
			lane = i
		}
	}
	return g[lane].Reserve(at, d), lane
}

// Credits counts what a receiver has promised to take. The zero value has none.
type Credits struct {
	have, total int64
}

// NewCredits grants n.
func NewCredits(n int64) Credits { return Credits{n, n} }

// Take spends n if there are that many.
func (c *Credits) Take(n int64) bool {
	if c.have < n {
		return false
	}
	c.have -= n
	return true
}

// Give returns n. Giving more than was granted is a bug of the caller.
func (c *Credits) Give(n int64) {
	c.have += n
	if c.have > c.total {
		panic("sim: more credits returned than granted")
	}
}

// Have is how many are left; Total how many were granted.
func (c *Credits) Have() int64  { return c.have }
func (c *Credits) Total() int64 { return c.total }

// Queue is a first-in first-out ring that does not allocate once it has grown.
type Queue[T any] struct {
	ring []T
	head int
	n    int
}

// Len is the number of elements.
func (q *Queue[T]) Len() int { return q.n }

// Push appends v.
func (q *Queue[T]) Push(v T) {
	if q.n == len(q.ring) {
		grown := make([]T, max(8, 2*q.n))
		for i := range q.n {
			grown[i] = q.ring[(q.head+i)%len(q.ring)]
		}
		q.ring, q.head = grown, 0
	}
	q.ring[(q.head+q.n)%len(q.ring)] = v
	q.n++
}

// Peek is the oldest element. Precondition: there is one.
func (q *Queue[T]) Peek() *T { return &q.ring[q.head] }

// At is element i from the oldest on. Precondition: i is less than Len.
func (q *Queue[T]) At(i int) *T { return &q.ring[(q.head+i)%len(q.ring)] }

// Pop removes and returns the oldest element. Precondition: there is one.
func (q *Queue[T]) Pop() T {
	v := q.ring[q.head]
	var zero T
	q.ring[q.head] = zero
	q.head = (q.head + 1) % len(q.ring)
	q.n--
	return v
}
