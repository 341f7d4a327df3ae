package sm

import "sync"

// workers run a grid's work on one thread or several, thread i always with the same groups of SMs.
// Which thread runs a group changes nothing: groups share only memory that their kernel does not
// race on.
type workers struct {
	job   func(thread int)
	begin []chan struct{}
	done  sync.WaitGroup
}

// workers starts the threads of one Run.
func (g *Grid) workers() *workers {
	w := &workers{}
	for i := 1; i < len(g.progs); i++ {
		begin := make(chan struct{})
		w.begin = append(w.begin, begin)
		go func() {
			for range begin {
				w.job(i)
				w.done.Done()
			}
		}()
	}
	return w
}

// run does a job on every thread, and waits for all.
func (w *workers) run(job func(thread int)) {
	w.job = job
	w.done.Add(len(w.begin))
	for _, c := range w.begin {
		c <- struct{}{}
	}
	job(0)
	w.done.Wait()
}

func (w *workers) stop() {
	for _, c := range w.begin {
		close(c)
	}
}
