package traces

import (
	"bufio"
	"fmt"
	"io"
)

// WriteText writes the canonical text form, the one that golden files hold: a line a record, with
// start and duration in picoseconds.
func (t *Trace) WriteText(w io.Writer) error {
	b := bufio.NewWriter(w)
	for i := range t.Records {
		r := &t.Records[i]
		p := &t.Points[r.Kind]
		fmt.Fprintf(b, "%d", r.Start)
		if p.Shape == Span {
			fmt.Fprintf(b, "+%d", r.Dur)
		}
		fmt.Fprintf(b, " %s %s", t.Tracks[r.Track], p.Name)
		for j, a := range p.Args {
			fmt.Fprintf(b, " %s=%s", a.Name, t.FormatArg(a.Unit, r.Args[j]))
		}
		for i := Work + 1; i < Reasons; i++ {
			if r.Waits[i] != 0 {
				fmt.Fprintf(b, " %s:%d", i, r.Waits[i])
			}
		}
		fmt.Fprintln(b)
	}
	return b.Flush()
}

// FormatArg prints an argument in the manner of its unit.
func (t *Trace) FormatArg(u Unit, v uint64) string {
	switch u {
	case Address:
		return fmt.Sprintf("%#x", v)
	case Text:
		if v < uint64(len(t.Texts)) {
			return fmt.Sprintf("%q", t.Texts[v])
		}
	}
	return fmt.Sprintf("%d", v)
}
