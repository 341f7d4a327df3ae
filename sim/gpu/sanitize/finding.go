package sanitize

import (
	"fmt"
	"strings"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/sm"
)

// Kind is a class of findings.
type Kind string

// Kinds.
const (
	OutOfBounds   Kind = "out-of-bounds"
	Misaligned    Kind = "misaligned"
	Uninitialised Kind = "uninitialised"
	Race          Kind = "race"
	ProxyFence    Kind = "proxy-fence"
	Mbarrier      Kind = "mbarrier"
	Divergent     Kind = "divergent-barrier"
	Fault         Kind = "fault"
)

// Finding is one place that does something wrong, however often.
type Finding struct {
	Kind    Kind      `json:"kind"`
	Kernel  string    `json:"kernel"`
	Line    int       `json:"line"`             // of the PTX
	Source  string    `json:"source,omitempty"` // file:line, where .loc says
	CTA     [3]uint32 `json:"cta"`              // where it was seen first
	Thread  [3]uint32 `json:"thread"`
	Message string    `json:"message"`
	Count   int       `json:"count"`
}

func (f *Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: kernel %s, PTX line %d", f.Kind, f.Kernel, f.Line)
	if f.Source != "" {
		fmt.Fprintf(&b, " (%s)", f.Source)
	}
	fmt.Fprintf(&b, ", CTA (%d,%d,%d), thread (%d,%d,%d): %s", f.CTA[0], f.CTA[1], f.CTA[2],
		f.Thread[0], f.Thread[1], f.Thread[2], f.Message)
	if f.Count > 1 {
		fmt.Fprintf(&b, " [%d times]", f.Count)
	}
	return b.String()
}

// place is what makes findings one: the kind and the instructions.
type place struct {
	kind        Kind
	kernel      string
	line, other int
}

// report notes a finding at an event; other is the PTX line of the other party, if there is one.
func (c *Checker) report(k Kind, e *sm.Event, other int, format string, args ...any) {
	at := place{k, c.kernel, e.Line, other}
	if i, ok := c.seen[at]; ok {
		c.Findings[i].Count++
		return
	}
	c.seen[at] = len(c.Findings)
	f := Finding{Kind: k, Kernel: c.kernel, Line: e.Line, CTA: e.CTA, Count: 1,
		Thread: c.thread(e.Warp*sm.Lanes + e.Lane), Message: fmt.Sprintf(format, args...)}
	if e.Loc.Line > 0 {
		f.Source = fmt.Sprintf("%s:%d", e.Loc.File, e.Loc.Line)
	}
	c.Findings = append(c.Findings, f)
}

// thread is a linear thread number as the kernel sees it.
func (c *Checker) thread(n int) [3]uint32 {
	b, t := c.block, uint32(n)
	return [3]uint32{t % b[0], t / b[0] % b[1], t / b[0] / b[1]}
}

func verb(e *sm.Event) string {
	what := "read"
	switch {
	case e.Write && e.Atomic:
		what = "atomic"
	case e.Write:
		what = "write"
	}
	if e.Async {
		what = "asynchronous " + what
	}
	return fmt.Sprintf("%d byte %s", e.Size, what)
}

// synchronises reports the operations on mbarriers, which are no accesses to data.
func synchronises(op ptx.OpID) bool {
	switch op {
	case ptx.OpMbarrierInit, ptx.OpMbarrierInval, ptx.OpMbarrierArrive, ptx.OpMbarrierArriveDrop,
		ptx.OpMbarrierArriveDropExpectTx, ptx.OpMbarrierArriveDropNoComplete,
		ptx.OpMbarrierArriveExpectTx, ptx.OpMbarrierArriveNoComplete, ptx.OpMbarrierCompleteTx,
		ptx.OpMbarrierExpectTx, ptx.OpMbarrierTestWait, ptx.OpMbarrierTryWait,
		ptx.OpCpAsyncMbarrierArrive:
		return true
	}
	return false
}
