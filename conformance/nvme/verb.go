package nvme

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tensoros/conformance/script"
	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// Do runs the verbs that the package comment lists.
func (s *suite) Do(verb string, a *script.Args) (known bool, err error) {
	switch verb {
	case "admin", "io", "submit":
		return true, s.command(verb, a)
	case "until":
		return true, s.until(a)
	case "queue":
		return true, s.queue(a)
	case "bell":
		return true, s.bell(a)
	case "wait", "quiet":
		return true, s.waits(verb, a)
	}
	if known, err = s.control(verb, a); known {
		return true, err
	}
	var v [4]uint64
	for i := range min(len(a.Words), len(v)) {
		if v[i], err = a.Word(i); err != nil {
			return true, err
		}
	}
	if known, err = s.interrupts(verb, v[0]); known {
		return true, err
	}
	return s.simple(verb, v, len(a.Words))
}

// simple does the verbs that only have numbers.
func (s *suite) simple(verb string, v [4]uint64, n int) (known bool, err error) {
	switch {
	case verb == "ring" && n == 1:
		return true, s.ring(int(v[0]))
	case verb == "pause" && n == 1:
		s.pause(hw.Time(v[0]))
	case verb == "fill" && n == 3:
		p, err := s.span(v[0], v[1])
		for i := range p {
			p[i] = byte(v[2])
		}
		return true, err
	case verb == "pattern" && n == 3:
		p, err := s.span(v[0], v[1])
		pattern(p, v[2])
		return true, err
	case verb == "desc" && n == 4:
		p, err := s.span(v[0], spec.SGLLen)
		if err == nil {
			d := spec.SGL{Addr: v[2], Len: uint32(v[3]), Type: uint8(v[1] >> 4),
				Subtype: uint8(v[1] & 0xf)}
			d.Encode(p)
		}
		return true, err
	case n == 2 && width(verb, "set") > 0:
		return true, s.store(v[0], width(verb, "set"), v[1])
	case n == 2 && width(verb, "w") > 0:
		return true, s.writeBAR(v[0], width(verb, "w"), v[1])
	case verb == "look" && n == 0:
		return true, s.look()
	default:
		return false, nil
	}
	return true, nil
}

// width is the bytes that a verb like w16 moves; 0 if it is none of these.
func width(verb, prefix string) int {
	switch rest, ok := strings.CutPrefix(verb, prefix); {
	case !ok:
	case rest == "8":
		return 1
	case rest == "16":
		return 2
	case rest == "32":
		return 4
	case rest == "64":
		return 8
	}
	return 0
}

func (s *suite) inBAR(off uint64, n int) error {
	if off%uint64(n) != 0 || off > uint64(s.bar.Len()) || uint64(s.bar.Len())-off < uint64(n) {
		return fmt.Errorf("%w: %d bytes at %#x of BAR 0, which has %#x", script.ErrSkip, n, off,
			s.bar.Len())
	}
	return nil
}

func (s *suite) writeBAR(off uint64, n int, v uint64) error {
	if err := s.inBAR(off, n); err != nil {
		return err
	}
	switch at := int(off); n {
	case 1:
		s.bar.Write8(at, uint8(v))
	case 2:
		s.bar.Write16(at, uint16(v))
	case 4:
		s.bar.Write32(at, uint32(v))
	default:
		s.bar.Write64(at, v)
	}
	return nil
}

// until lets time pass until a condition holds.
func (s *suite) until(a *script.Args) error {
	limit, err := a.Word(1)
	if err != nil {
		return err
	}
	for start := s.cpu.Now(); ; {
		v, err := a.Word(0)
		if err != nil || v != 0 {
			return err
		}
		if s.cpu.Now()-start > hw.Time(limit) {
			return script.Failure("%s does not come to hold within %d us", a.Words[0], limit/1000)
		}
		s.turn(start, hw.Time(limit))
	}
}

func (s *suite) queue(a *script.Args) error {
	id, err := a.Word(0)
	if err != nil {
		return err
	}
	var v [4]uint64
	for i, k := range []struct {
		key string
		def uint64
	}{{"size", 64}, {"cq", id}, {"vector", 0}, {"ien", 0}} {
		if v[i], err = a.Key(k.key, k.def); err != nil {
			return err
		}
	}
	return s.pair(int(id), int(v[0]), int(v[1]), v[2], v[3])
}

func (s *suite) bell(a *script.Args) error {
	id, err := a.Word(1)
	if err != nil {
		return err
	}
	v, err := a.Word(2)
	if err != nil {
		return err
	}
	n, err := a.Key("width", 4)
	if err != nil {
		return err
	}
	off := spec.Doorbell(int(id), a.Words[0] == "cq", s.dstrd)
	return s.writeBAR(uint64(off), int(n), v)
}

func (s *suite) waits(verb string, a *script.Args) error {
	n, err := a.Word(0)
	if err != nil {
		return err
	}
	q, err := a.Key("q", 1)
	if err != nil {
		return err
	}
	ack, err := a.Key("ack", 1)
	if err != nil {
		return err
	}
	if verb == "quiet" {
		start := s.cpu.Now()
		for s.cpu.Now()-start < hw.Time(n) {
			if ok, err := s.take(int(q), true); ok || err != nil {
				return script.Failure("a completion that should not come: %v %w", s.last.Status,
					err)
			}
			s.turn(start, hw.Time(n))
		}
		return nil
	}
	limit, err := a.Key("timeout", uint64(patience))
	if err != nil {
		return err
	}
	for range n {
		if err := s.host.wait(int(q), hw.Time(limit), ack != 0); err != nil {
			return err
		}
	}
	return s.expect(a)
}
