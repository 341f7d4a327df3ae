package sm

import "sync"

// workers run the groups of a grid through a window, on one thread or several, each group always on
// the same. Which thread runs a group changes nothing: groups share only memory that their kernel
// does not race on.
type workers struct {
	grid  *Grid
	until int64
	begin []chan struct{}
	done  sync.WaitGroup
}

// workers starts the threads of one Run.
func (g *Grid) workers() *workers {
	w := &workers{grid: g}
	for i := 1; i < len(g.progs); i++ {
		begin := make(chan struct{})
		w.begin = append(w.begin, begin)
		go func() {
			for range begin {
				w.take(i)
				w.done.Done()
			}
		}()
	}
	return w
}

// run takes all groups to the end of a window.
func (w *workers) run(until int64) {
	w.until = until
	w.done.Add(len(w.begin))
	for _, c := range w.begin {
		c <- struct{}{}
	}
	w.take(0)
	w.done.Wait()
}

// take runs the groups of thread i.
func (w *workers) take(i int) {
	for ; i < len(w.grid.groups); i += len(w.grid.progs) {
		w.grid.groups[i].advance(w.until)
	}
}

func (w *workers) stop() {
	for _, c := range w.begin {
		close(c)
	}
}
