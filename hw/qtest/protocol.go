package qtest

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// link speaks the protocol: a line a request, a line an answer. IRQ lines, which may come before an
// answer, are dropped: interrupts arrive as messages in memory.
type link struct {
	r   *bufio.Reader
	w   *bufio.Writer
	err error // sticky
}

func newLink(rw io.ReadWriter) *link {
	return &link{r: bufio.NewReaderSize(rw, 1<<16), w: bufio.NewWriterSize(rw, 1<<16)}
}

// maxLine bounds an answer: the longest is the hexadecimal of the longest read.
const maxLine = 2*maxBulk + 16

// maxBulk is the most bytes of a read or write in one request.
const maxBulk = 1 << 16

// ask sends a request and returns the words of the answer after OK.
func (l *link) ask(format string, args ...any) []string {
	if l.err != nil {
		return nil
	}
	request := fmt.Sprintf(format, args...)
	if _, err := l.w.WriteString(request + "\n"); err != nil {
		l.err = err
		return nil
	}
	if l.err = l.w.Flush(); l.err != nil {
		return nil
	}
	for {
		line, err := l.line()
		if err != nil {
			l.err = fmt.Errorf("qtest: %.60s: %w", request, err)
			return nil
		}
		words := strings.Fields(line)
		switch {
		case len(words) > 0 && words[0] == "IRQ":
		case len(words) > 0 && words[0] == "OK":
			return words[1:]
		default:
			l.err = fmt.Errorf("qtest: %.60s: answered %.80q", request, line)
			return nil
		}
	}
}

func (l *link) line() (string, error) {
	var b strings.Builder
	for {
		part, err := l.r.ReadSlice('\n')
		b.Write(part)
		switch {
		case err == nil:
			return strings.TrimSpace(b.String()), nil
		case err != bufio.ErrBufferFull:
			return "", err
		case b.Len() > maxLine:
			return "", fmt.Errorf("a line of more than %d bytes", maxLine)
		}
	}
}

// number asks for a number; all ones come back once the link is broken, as from a lost device.
func (l *link) number(format string, args ...any) uint64 {
	words := l.ask(format, args...)
	if l.err != nil {
		return ^uint64(0)
	}
	if len(words) != 1 {
		l.err = fmt.Errorf("qtest: %.60s: %d words", fmt.Sprintf(format, args...), len(words))
		return ^uint64(0)
	}
	v, err := strconv.ParseUint(words[0], 0, 64)
	if err != nil {
		l.err = fmt.Errorf("qtest: answer %.40q is no number", words[0])
		return ^uint64(0)
	}
	return v
}

// widths names an access of 1, 2, 4 or 8 bytes.
var widths = [...]string{1: "b", 2: "w", 4: "l", 8: "q"}

// read reads n bytes of memory-mapped I/O.
func (l *link) read(addr uint64, n int) uint64 {
	v := l.number("read%s %#x", widths[n], addr)
	if n < 8 {
		v &= 1<<(8*n) - 1
	}
	return v
}

func (l *link) write(addr uint64, n int, v uint64) {
	l.ask("write%s %#x %#x", widths[n], addr, v)
}

// copy writes p as one burst.
func (l *link) copy(addr uint64, p []byte) {
	for len(p) > 0 {
		n := min(len(p), maxBulk)
		l.ask("write %#x %#x 0x%s", addr, n, hex.EncodeToString(p[:n]))
		addr, p = addr+uint64(n), p[n:]
	}
}

// step lets ns of the clock pass and returns what it then shows.
func (l *link) step(ns int64) int64 { return int64(l.number("clock_step %d", ns)) }
