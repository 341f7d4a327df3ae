package nvme

import (
	"embed"
	"errors"
	"fmt"
	"time"

	"tensoros/conformance"
	"tensoros/conformance/script"
	"tensoros/hw"
	"tensoros/hw/pci"
	spec "tensoros/hw/spec/nvme"
)

//go:embed cases
var files embed.FS

// Class is the class code of NVM Express I/O controllers (PCIe Transport 1.0c, 3.8.1).
const Class = 0x010802

// Cases are the cases of the suite, in order.
func Cases() ([]script.Case, error) { return script.ParseDir(files, "cases") }

// Run runs the suite on a function, in the body of a processor. The controller is reset before
// each case; namespaces, formats and saved features are put back after cases that change them.
func Run(cpu hw.CPU, m hw.Machine, a hw.Address, target string) (*conformance.Report, error) {
	return RunCases(cpu, m, a, target, func(string) bool { return true })
}

// RunCases runs the cases whose GROUP/NAME is wanted.
func RunCases(cpu hw.CPU, m hw.Machine, a hw.Address, target string, want func(string) bool,
) (*conformance.Report, error) {
	cases, err := Cases()
	if err != nil {
		return nil, err
	}
	s, err := open(cpu, m, a)
	if err != nil {
		return nil, err
	}
	defer s.mem.Free()
	r := &conformance.Report{Suite: "NVM Express", Target: target, Device: s.device,
		Rules: Rules}
	for i := range cases {
		c := &cases[i]
		if !want(c.Group + "/" + c.Name) {
			continue
		}
		if s.fn.Err() != nil {
			return r, s.fn.Err()
		}
		start := cpu.Now()
		out := s.run(c)
		r.Results = append(r.Results, conformance.Outcome(c, out, int64(cpu.Now()-start)))
	}
	return r, errors.Join(s.disable(), s.fn.Close())
}

// suite is the controller under test and its host.
type suite struct {
	host
	device string

	identity []byte // Identify Controller
	nsid     uint32 // the first active namespace; 0: there is none
	space    []byte // its Identify Namespace
	before   []byte // what space was before the case
	dirty    bool   // namespaces may have changed
	dead     int    // cases that the controller did not come up for, in a row
	realtime bool   // time is the wall's: what would take minutes is left out
}

// patient is how many cases in a row a controller may not come up for.
const patient = 3

// open brings the controller up and asks what it is.
func open(cpu hw.CPU, m hw.Machine, a hw.Address) (*suite, error) {
	fn, err := m.Open(a)
	if err != nil {
		return nil, err
	}
	id, err := pci.Identify(a, fn.Config())
	if err != nil {
		return nil, err
	}
	if id.Class != Class {
		return nil, fmt.Errorf("%v is no NVM Express controller: class %06x", a, id.Class)
	}
	pci.Enable(fn.Config())
	s := &suite{host: host{cpu: cpu, fn: fn, cfg: fn.Config(), irqs: map[int]uint64{}}}
	if s.bar, err = fn.BAR(0); err != nil {
		return nil, err
	}
	if s.bar.Len() < spec.Doorbells+8 {
		return nil, fmt.Errorf("%v: BAR 0 has %#x bytes, too few for registers and doorbells", a,
			s.bar.Len())
	}
	if s.mem, err = fn.Memory(arenaLen); err != nil {
		return nil, err
	}
	s.layout()
	s.clock()
	if err = s.restart(); err == nil {
		err = s.look()
	}
	if err != nil {
		s.mem.Free()
		return nil, fmt.Errorf("%v cannot be brought up: %w", a, err)
	}
	s.before = s.space
	c := spec.DecodeController(s.identity)
	s.device = fmt.Sprintf("%s %s, firmware %s, NVMe %d.%d (%v)", c.Model, c.Serial, c.Firmware,
		c.Version>>16, c.Version>>8&0xff, id)
	return s, nil
}

// clock finds out whose time a pause takes: that of the wall, or a simulator's.
func (s *suite) clock() {
	const pause = 60 * millisecond
	s.realtime = true
	for range 3 { // a simulator may be held up by others, but not each time
		start := time.Now()
		s.pause(pause)
		s.realtime = s.realtime && time.Since(start) > time.Duration(pause)*9/10
	}
}

// look asks for the identity of the controller and of its first active namespace.
func (s *suite) look() error {
	if err := s.ask(spec.Identify, 0, spec.CNSController); err != nil {
		return err
	}
	s.identity = append([]byte(nil), s.bytes(s.data, spec.IdentifyLen)...)
	if err := s.ask(spec.Identify, 0, spec.CNSActive); err != nil {
		return err
	}
	s.nsid, s.space = s.load32(s.data), make([]byte, spec.IdentifyLen)
	if s.nsid == 0 {
		return nil
	}
	if err := s.ask(spec.Identify, s.nsid, spec.CNSNamespace); err != nil {
		return err
	}
	copy(s.space, s.bytes(s.data, spec.IdentifyLen))
	return nil
}

// ask runs an admin command with a page of data that has to succeed.
func (s *suite) ask(op uint8, nsid, cdw10 uint32) error {
	return s.must(spec.Command{Opcode: op, NSID: nsid, CDW10: cdw10, PRP1: s.data})
}

// run runs a case on a fresh controller, and puts back what it changed.
func (s *suite) run(c *script.Case) script.Outcome {
	if s.dead == patient {
		return script.Outcome{Err: errors.New("the controller is given up: it did not come up " +
			"for the cases before")}
	}
	if err := s.restart(); err != nil {
		s.dead++
		return script.Outcome{Failed: true,
			Err: fmt.Errorf("the controller does not come up: %w", err)}
	}
	s.dead = 0
	out := c.Run(s)
	if err := s.guarded(); err != nil && (out.Err == nil || out.Skip) {
		out = script.Outcome{Err: err, Failed: true}
	}
	if err := s.restore(); err != nil && out.Err == nil {
		out = script.Outcome{Err: fmt.Errorf("what was before cannot be put back: %w", err)}
	}
	return out
}

// restore puts back namespaces and their format if a case may have changed them.
func (s *suite) restore() error {
	if !s.dirty {
		return nil
	}
	s.dirty = false
	err := s.restart()
	if err == nil {
		err = s.look()
	}
	if err != nil || s.same(s.before, s.space) {
		return err
	}
	old := spec.DecodeNamespace(s.before)
	if s.nsid == 1 && spec.DecodeNamespace(s.space).NVMCAP == old.NVMCAP {
		err = s.must(spec.Command{Opcode: spec.FormatNVM, NSID: 1,
			CDW10: uint32(old.FLBAS & 0xf)})
	} else {
		err = s.remake(&old)
	}
	return errors.Join(err, s.look())
}

// same reports whether two namespaces have the same size and format.
func (s *suite) same(a, b []byte) bool {
	x, y := spec.DecodeNamespace(a), spec.DecodeNamespace(b)
	return s.nsid == 1 && x.Size == y.Size && x.FLBAS == y.FLBAS
}

// remake deletes all namespaces and makes the first again.
func (s *suite) remake(old *spec.Namespace) error {
	err := s.must(spec.Command{Opcode: spec.NamespaceManage, NSID: spec.AllNamespaces, CDW10: 1})
	if err != nil {
		return err
	}
	want := spec.Namespace{Size: old.Size, Capacity: old.Capacity, FLBAS: old.FLBAS}
	want.Encode(s.bytes(s.data, spec.IdentifyLen))
	if err := s.must(spec.Command{Opcode: spec.NamespaceManage, PRP1: s.data}); err != nil {
		return err
	}
	nsid := s.last.Result
	id := spec.DecodeController(s.identity)
	clear(s.bytes(s.data, spec.IdentifyLen))
	s.store32(s.data, 1|uint32(id.CNTLID)<<16)
	return s.must(spec.Command{Opcode: spec.NamespaceAttach, NSID: nsid, PRP1: s.data})
}
