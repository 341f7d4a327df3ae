package pcie

import (
	"embed"
	"fmt"
	"strings"

	"tensoros/conformance"
	"tensoros/conformance/script"
	"tensoros/hw"
	"tensoros/hw/pci"
	spec "tensoros/hw/spec/pcie"
)

//go:embed cases
var files embed.FS

// Cases are the cases of the suite, in order.
func Cases() ([]script.Case, error) { return script.ParseDir(files, "cases") }

// Run runs the suite on a function, in the body of a processor. Decoding, BARs and controls are put
// back after each case.
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
	fn, err := m.Open(a)
	if err != nil {
		return nil, err
	}
	id, err := pci.Identify(a, fn.Config())
	if err != nil {
		return nil, err
	}
	s := &suite{cpu: cpu, fn: fn, cfg: fn.Config(), bars: map[int]pci.BAR{}}
	s.save()
	r := &conformance.Report{Suite: "PCI Express", Target: target, Device: id.String(),
		Rules: Rules}
	for i := range cases {
		c := &cases[i]
		if !want(c.Group + "/" + c.Name) {
			continue
		}
		start := cpu.Now()
		out := c.Run(s)
		s.restore()
		r.Results = append(r.Results, conformance.Outcome(c, out, int64(cpu.Now()-start)))
	}
	return r, fn.Close()
}

// suite is the function under test.
type suite struct {
	cpu   hw.CPU
	fn    hw.Function
	cfg   hw.Window
	bars  map[int]pci.BAR
	saved []saved
}

type saved struct {
	off, size int
	v         uint32
}

// save keeps what restore puts back: the header's registers and the controls of capabilities.
func (s *suite) save() {
	pci.Enable(s.cfg)
	for _, b := range pci.BARs(s.cfg) {
		s.bars[b.Index] = b
	}
	keep := func(off, size int) {
		v := s.cfg.Read32(off &^ 3)
		if size == 2 {
			v = uint32(s.cfg.Read16(off))
		}
		s.saved = append(s.saved, saved{off, size, v})
	}
	if at := pci.Capability(s.cfg, spec.CapPM); at != 0 {
		keep(at+4, 2)
	}
	for i := range 6 {
		keep(spec.BAR0+4*i, 4)
	}
	if at := pci.Capability(s.cfg, spec.CapPCIe); at != 0 {
		keep(at+spec.ExpDevCtl, 2)
		keep(at+spec.ExpLnkCtl, 2)
	}
	if at := pci.Capability(s.cfg, spec.CapMSIX); at != 0 {
		keep(at+2, 2)
	}
	keep(0x3c, 4)
	keep(0x0c, 4)
	keep(spec.Command, 2)
}

func (s *suite) restore() {
	for _, r := range s.saved {
		if r.size == 2 {
			s.cfg.Write16(r.off, uint16(r.v))
		} else {
			s.cfg.Write32(r.off, r.v)
		}
		if r.off != spec.Command && r.size == 2 {
			s.cpu.Idle(s.cpu.Now() + 10_000_000) // PCIe 5.0, 5.9: 10 ms from D3hot
		}
	}
}

// names are the registers of the header and of capabilities, by offset.
var names = map[string]uint64{"VID": 0, "DID": 2, "CMD": 4, "STS": 6, "RID": 8, "CC": 9, "CLS": 0xc,
	"LT": 0xd, "HTYPE": 0xe, "BIST": 0xf, "CIS": 0x28, "SSVID": 0x2c, "SSID": 0x2e, "ROM": 0x30,
	"CAP": 0x34, "ILINE": 0x3c, "IPIN": 0x3d, "PM": spec.CapPM, "MSI": spec.CapMSI,
	"EXPRESS": spec.CapPCIe, "MSIX": spec.CapMSIX, "AER": spec.ExtCapAER, "DSN": spec.ExtCapDSN}

// Value gives the registers' names.
func (s *suite) Value(name string) (uint64, bool, error) {
	if name == "now" {
		return uint64(s.cpu.Now()), true, nil
	}
	v, ok := names[name]
	return v, ok, nil
}

// at checks an access to a window.
func at(w hw.Window, off, n uint64) (int, error) {
	if off%n != 0 || off > uint64(w.Len()) || uint64(w.Len())-off < n {
		return 0, fmt.Errorf("%d bytes at %#x of %#x: not in the window, or not aligned", n, off,
			w.Len())
	}
	return int(off), nil
}

func read(w hw.Window, off, n uint64) (uint64, error) {
	o, err := at(w, off, n)
	if err != nil {
		return 0, err
	}
	switch n {
	case 1:
		return uint64(w.Read8(o)), nil
	case 2:
		return uint64(w.Read16(o)), nil
	case 4:
		return uint64(w.Read32(o)), nil
	}
	return w.Read64(o), nil
}

func write(w hw.Window, off, n, v uint64) error {
	o, err := at(w, off, n)
	if err != nil {
		return err
	}
	switch n {
	case 1:
		w.Write8(o, uint8(v))
	case 2:
		w.Write16(o, uint16(v))
	case 4:
		w.Write32(o, uint32(v))
	default:
		w.Write64(o, v)
	}
	return nil
}

// width is what cfg16 or mem64 reads, in bytes.
func width(name, prefix string) uint64 {
	return map[string]uint64{"8": 1, "16": 2, "32": 4, "64": 8}[strings.TrimPrefix(name, prefix)]
}

// Call gives cfg8 to cfg32(OFFSET), mem8 to mem64(BAR, OFFSET), cap(ID), ecap(ID), barsize(N),
// bar64(N), caps() and ecaps() - the number of capabilities, each list checked - and unused().
func (s *suite) Call(name string, a []uint64) (v uint64, ok bool, err error) {
	switch {
	case strings.HasPrefix(name, "cfg") && len(a) == 1 && width(name, "cfg") > 0:
		v, err = read(s.cfg, a[0], width(name, "cfg"))
	case strings.HasPrefix(name, "mem") && len(a) == 2 && width(name, "mem") > 0:
		v, err = s.memory(a[0], a[1], width(name, "mem"))
	case name == "cap" && len(a) == 1:
		v, err = s.find(a[0], s.list)
	case name == "ecap" && len(a) == 1:
		v, err = s.find(a[0], s.extended)
	case name == "barsize" && len(a) == 1:
		v = s.bars[int(a[0])].Size
	case name == "bar64" && len(a) == 1:
		if s.bars[int(a[0])].Is64 {
			v = 1
		}
	case name == "count" && len(a) == 1:
		v, err = s.count(a[0], s.list)
	case name == "ecount" && len(a) == 1:
		v, err = s.count(a[0], s.extended)
	case name == "unused" && len(a) == 0:
		v, err = s.unused()
	default:
		return 0, false, nil
	}
	return v, true, err
}

func (s *suite) memory(bar, off, n uint64) (uint64, error) {
	w, err := s.fn.BAR(int(bar))
	if err != nil {
		return 0, err
	}
	return read(w, off, n)
}

// entry is a capability as found.
type entry struct{ id, at uint64 }

// list walks the capabilities. A list that does not end or leaves its space fails the case.
func (s *suite) list() ([]entry, error) {
	var out []entry
	for at := uint64(s.cfg.Read8(spec.CapPointer)); at != 0; {
		if at < 0x40 || at > 0xfc || at%4 != 0 {
			return out, script.Failure("a capability at %#x", at)
		}
		if len(out) > 48 {
			return out, script.Failure("the list of capabilities does not end")
		}
		word := s.cfg.Read16(int(at))
		out = append(out, entry{uint64(word & 0xff), at})
		at = uint64(word >> 8)
	}
	return out, nil
}

// extended walks the extended capabilities; there are none in conventional space.
func (s *suite) extended() ([]entry, error) {
	var out []entry
	for at := uint64(spec.ExtendedCaps); s.cfg.Len() > spec.ExtendedCaps; {
		word := s.cfg.Read32(int(at))
		if word == 0 || word == 0xffffffff {
			break
		}
		out = append(out, entry{uint64(word & 0xffff), at})
		if at = uint64(word >> 20); at == 0 {
			break
		}
		if at < spec.ExtendedCaps || at%4 != 0 || at >= uint64(s.cfg.Len()) {
			return out, script.Failure("an extended capability at %#x", at)
		}
		if len(out) > 960 {
			return out, script.Failure("the list of extended capabilities does not end")
		}
	}
	return out, nil
}

func (s *suite) find(id uint64, walk func() ([]entry, error)) (uint64, error) {
	list, err := walk()
	for _, e := range list {
		if e.id == id {
			return e.at, nil
		}
	}
	return 0, err
}

func (s *suite) count(id uint64, walk func() ([]entry, error)) (n uint64, err error) {
	list, err := walk()
	for _, e := range list {
		if e.id == id {
			n++
		}
	}
	return n, err
}

// unused is the first dword past the header and outside of 64 bytes from any capability that does
// not read zero; 0 if there is none. Vendors may use what no list names, so only the end of the
// extended space is looked at.
func (s *suite) unused() (uint64, error) {
	list, err := s.extended()
	if err != nil {
		return 0, err
	}
	last := uint64(spec.ExtendedCaps)
	for _, e := range list {
		last = max(last, e.at)
	}
	for off := last + 0x200; off < uint64(s.cfg.Len()); off += 4 {
		if s.cfg.Read32(int(off)) != 0 {
			return off, nil
		}
	}
	return 0, nil
}

// Do runs the verbs: w8, w16, w32 OFFSET VALUE write configuration space; m8 to m64 BAR OFFSET
// VALUE write a BAR; flr resets by Device Control; wait NS lets time pass.
func (s *suite) Do(verb string, a *script.Args) (known bool, err error) {
	var v [3]uint64
	for i := range min(len(a.Words), 3) {
		if v[i], err = a.Word(i); err != nil {
			return true, err
		}
	}
	switch {
	case verb == "flr":
		return true, s.flr()
	case verb == "wait":
		s.cpu.Idle(s.cpu.Now() + hw.Time(v[0]))
	case strings.HasPrefix(verb, "w") && len(a.Words) == 2 && width(verb, "w") > 0:
		return true, write(s.cfg, v[0], width(verb, "w"), v[1])
	case strings.HasPrefix(verb, "m") && len(a.Words) == 3 && width(verb, "m") > 0:
		w, err := s.fn.BAR(int(v[0]))
		if err != nil {
			return true, err
		}
		return true, write(w, v[1], width(verb, "m"), v[2])
	default:
		return false, nil
	}
	return true, nil
}

func (s *suite) flr() error {
	at := pci.Capability(s.cfg, spec.CapPCIe)
	if at == 0 || s.cfg.Read32(at+spec.ExpDevCap)&spec.DevCapFLR == 0 {
		return fmt.Errorf("%w: no function level reset", script.ErrSkip)
	}
	s.cfg.Write16(at+spec.ExpDevCtl, s.cfg.Read16(at+spec.ExpDevCtl)|spec.FunctionReset)
	s.cpu.Idle(s.cpu.Now() + 100_000_000)
	return nil
}
