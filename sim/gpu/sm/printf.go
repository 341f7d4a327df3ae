package sm

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// printf is vprintf(format, arguments): the arguments lie in a buffer, each aligned to its size:
// 4 bytes for int, 8 for long long, double and pointers (CUDA programming guide, "Formatted
// Output", and what nvcc emits). It returns how many arguments the format takes.
func (w *Warp) printf(lane int, a []uint64) uint64 {
	p := printer{w: w, lane: lane, at: a[1]}
	format := w.text(lane, a[0])
	for {
		plain, rest, more := strings.Cut(format, "%")
		p.out.WriteString(plain)
		if !more {
			break
		}
		format = p.directive(rest)
	}
	if out := w.cta.launch.Stdout; out != nil {
		_, _ = io.WriteString(out, p.out.String()) // the kernel does not learn of a full disk
	}
	return uint64(p.taken)
}

type printer struct {
	w     *Warp
	lane  int
	at    uint64 // the next argument
	taken int
	out   strings.Builder
}

// next is an argument of that size.
func (p *printer) next(size int) uint64 {
	n := uint64(size)
	p.at = (p.at + n - 1) / n * n
	b := p.w.peek(p.lane, p.at, size)
	p.at += n
	p.taken++
	if b == nil {
		return 0
	}
	return element{size: size}.get(b)
}

// directive prints what follows a percent sign and returns what follows that.
func (p *printer) directive(s string) (rest string) {
	end := strings.IndexAny(s, "%cdiouxXpsneEfFgGaA")
	if end < 0 {
		p.out.WriteString("%" + s)
		return ""
	}
	flags, verb, rest := s[:end], s[end], s[end+1:]
	size := 4
	for _, long := range []string{"ll", "l", "hh", "h"} {
		if cut, ok := strings.CutSuffix(flags, long); ok {
			flags = cut
			if long[0] == 'l' {
				size = 8
			}
			break
		}
	}
	for strings.Contains(flags, "*") {
		flags = strings.Replace(flags, "*", fmt.Sprint(int32(p.next(4))), 1)
	}
	p.print(flags, verb, size)
	return rest
}

func (p *printer) print(flags string, verb byte, size int) {
	say := func(verb string, v any) { fmt.Fprintf(&p.out, "%"+flags+verb, v) }
	switch verb {
	case '%':
		p.out.WriteByte('%')
	case 'd', 'i':
		v := p.next(size)
		if size == 4 {
			v = uint64(int32(v))
		}
		say("d", int64(v))
	case 'u':
		say("d", p.next(size))
	case 'o', 'x', 'X':
		say(string(verb), p.next(size))
	case 'c':
		say("c", rune(byte(p.next(4))))
	case 'p':
		say("s", fmt.Sprintf("%#x", p.next(8)))
	case 's':
		say("s", p.w.text(p.lane, p.next(8)))
	case 'n', 'a', 'A': // CUDA ignores n; of a, no form is promised
		p.next(8)
	default:
		if (verb == 'g' || verb == 'G') && !strings.Contains(flags, ".") {
			flags += ".6" // Go's own default is as many digits as are needed
		}
		say(string(verb), math.Float64frombits(p.next(8)))
	}
}
