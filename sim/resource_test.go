package sim

import (
	"math"
	"testing"
)

func TestLaneServesInOrder(t *testing.T) {
	var l Lane
	for i, c := range []struct{ at, d, want Time }{{0, 10, 0}, {5, 10, 10}, {30, 5, 30},
		{31, 1, 35}} {
		if got := l.Reserve(c.at, c.d); got != c.want {
			t.Errorf("request %d starts at %v, want %v", i, got, c.want)
		}
	}
	if l.Busy() != 26 || l.Free() != 36 {
		t.Errorf("busy %v free %v", l.Busy(), l.Free())
	}
}

func TestLanesTakeTheFirstFree(t *testing.T) {
	g := make(Lanes, 2)
	g.Reserve(0, 10)
	if start, lane := g.Reserve(0, 10); start != 0 || lane != 1 {
		t.Errorf("second request at %v on lane %d", start, lane)
	}
	if start, lane := g.Reserve(0, 10); start != 10 || lane != 0 {
		t.Errorf("third request at %v on lane %d", start, lane)
	}
}

func TestPipeOverlapsLatency(t *testing.T) {
	p := Pipe{Latency: 30, Interval: 4}
	for i := range 5 {
		if _, done := p.Enter(0); done != Time(30+4*i) {
			t.Errorf("request %d done at %v", i, done)
		}
	}
}

func TestCredits(t *testing.T) {
	c := NewCredits(3)
	if !c.Take(2) || c.Take(2) || !c.Take(1) {
		t.Fatal("credits miscounted")
	}
	c.Give(3)
	defer func() {
		if recover() == nil {
			t.Fatal("a credit too many went unnoticed")
		}
	}()
	c.Give(1)
}

func TestQueueKeepsOrderThroughGrowth(t *testing.T) {
	var q Queue[int]
	next, want := 0, 0
	for round := range 40 {
		for range round {
			q.Push(next)
			next++
		}
		for range round - round/4 {
			if got := q.Pop(); got != want {
				t.Fatalf("popped %d, want %d", got, want)
			}
			want++
		}
	}
	if q.Len() != next-want || *q.Peek() != want {
		t.Fatalf("length %d", q.Len())
	}
}

func TestRandStreamsAreIndependentAndRepeatable(t *testing.T) {
	a, b, c := NewRand(1, "x"), NewRand(1, "x"), NewRand(1, "y")
	same := 0
	for range 1000 {
		va := a.Uint64()
		if va != b.Uint64() {
			t.Fatal("same seed and path, other numbers")
		}
		if va == c.Uint64() {
			same++
		}
	}
	if same > 0 {
		t.Fatalf("%d equal draws on different paths", same)
	}
}

func TestNormalMoments(t *testing.T) {
	r := NewRand(3, "normal")
	const n = 200_000
	var sum, squares float64
	for range n {
		v := r.Normal()
		sum += v
		squares += v * v
	}
	mean, variance := sum/n, squares/n
	if math.Abs(mean) > 4/math.Sqrt(n) || math.Abs(variance-1) > 0.02 {
		t.Fatalf("mean %v variance %v", mean, variance)
	}
}
