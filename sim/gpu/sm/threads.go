package sm

import (
	"sync"
	"sync/atomic"
)

// workers run the groups of a grid through a window, on one thread or several. Which thread runs a
// group changes nothing: groups share only memory that their kernel does not race on.
type workers struct {
	grid  *Grid
	turn  atomic.Int32 // group to take
	until int64
	begin []chan struct{}
	done  sync.WaitGroup
}

// workers starts the threads of one Run.
func (g *Grid) workers() *workers {
	w := &workers{grid: g}
	for range max(min(g.Threads, len(g.groups)), 1) - 1 {
		begin := make(chan struct{})
		w.begin = append(w.begin, begin)
		go func() {
			for range begin {
				w.take()
				w.done.Done()
			}
		}()
	}
	return w
}

// run takes all groups to the end of a window.
func (w *workers) run(until int64) {
	w.until = until
	w.turn.Store(0)
	w.done.Add(len(w.begin))
	for _, c := range w.begin {
		c <- struct{}{}
	}
	w.take()
	w.done.Wait()
}

func (w *workers) take() {
	for {
		i := int(w.turn.Add(1)) - 1
		if i >= len(w.grid.groups) {
			return
		}
		w.grid.groups[i].advance(w.until)
	}
}

func (w *workers) stop() {
	for _, c := range w.begin {
		close(c)
	}
}
