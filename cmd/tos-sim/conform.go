package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tensoros/conformance"
	"tensoros/conformance/nvme"
	"tensoros/conformance/pcie"
	"tensoros/hw"
	"tensoros/hw/linux"
	"tensoros/hw/pci"
	"tensoros/hw/qtest"
	"tensoros/hw/vfiouser"
	"tensoros/sim/board"
)

// runner runs the cases of a suite whose names are wanted.
type runner func(cpu hw.CPU, m hw.Machine, a hw.Address, target string, want func(string) bool,
) (*conformance.Report, error)

// suiteRow is a suite of rules for devices.
type suiteRow struct {
	name, short string
	class       uint32 // of the functions it is for; 0: any
	run         runner
}

var suites = []suiteRow{
	{"nvme", "Hold an NVM Express controller against the Base and NVM command set specifications",
		nvme.Class, nvme.RunCases},
	{"pcie", "Hold a PCI Express function against the base specification", 0, pcie.RunCases},
}

const conformLong = `Run a suite of conformance cases against a device and report which rules it keeps.

Targets:
    sim                 each device of the machine of --board that the suite is for
    sim:0000:02:00.0    one of them
    vfio-user:PATH      the device that somebody serves at a UNIX socket
    linux:0000:03:00.0  a real device of this computer, taken from its driver (root, IOMMU)
    qemu:DEVICE         a device model of QEMU, with its properties, as in qemu:nvme,mdts=5; the
                        program is $TENSOROS_QEMU, or qemu-system-x86_64

What is on a drive under test is lost. Exit code 1 if a rule is broken.`

type conforming struct {
	target, junit, html, only string
	all                       bool
}

func conformCommand(e *env) *cobra.Command {
	c := &cobra.Command{Use: "conform", Short: "Hold a device or a driver against its standard",
		Long: conformLong}
	for i := range suites {
		c.AddCommand(suiteCommand(e, &suites[i]))
	}
	c.AddCommand(conformDriverCommand(e))
	return c
}

func suiteCommand(e *env, s *suiteRow) *cobra.Command {
	o := &conforming{}
	c := &cobra.Command{
		Use:     s.name + " --target TARGET",
		Short:   s.short,
		Long:    conformLong,
		Example: "    tos-sim conform " + s.name + " --target sim --html report.html",
		RunE:    func(*cobra.Command, []string) error { return e.conform(s, o) },
	}
	c.Flags().StringVar(&o.target, "target", "sim", "`TARGET` to test")
	c.Flags().StringVar(&o.only, "only", "",
		"run only the cases whose GROUP/NAME matches the `REGEXP`, as in ^queues/")
	o.flags(c.Flags())
	return c
}

func (o *conforming) flags(f *pflag.FlagSet) {
	f.StringVar(&o.junit, "junit", "", "also write the report as JUnit XML into `FILE`")
	f.StringVar(&o.html, "html", "", "also write the report as a page into `FILE`")
	f.BoolVar(&o.all, "all", false, "list the cases that passed too")
}

// testee is a machine that a suite runs on.
type testee struct {
	hw.Machine
	run   func() error
	close func() error
	only  *hw.Address // of its functions; nil: all that the suite is for
}

func (e *env) conform(s *suiteRow, o *conforming) error {
	want, err := regexp.Compile(o.only)
	if err != nil {
		return usage("", "conform %s --only: %w", s.name, err)
	}
	t, err := e.openTarget(o.target)
	if err != nil {
		return err
	}
	var reports []*conformance.Report
	var inside error
	t.Start(0, func(cpu hw.CPU) {
		for _, a := range t.chosen(s) {
			r, err := s.run(cpu, t, a, o.target, want.MatchString)
			if err != nil {
				inside = errors.Join(inside, err)
				continue
			}
			reports = append(reports, r)
		}
	})
	if err := errors.Join(inside, t.run(), t.close()); err != nil {
		return failed("", "conform %s: %w", s.name, err)
	}
	if len(reports) == 0 {
		return usage("", "conform %s: no function of %s is of the suite's class", s.name, o.target)
	}
	return e.writeReports(s.name, o, reports)
}

// chosen are the functions to test.
func (t *testee) chosen(s *suiteRow) []hw.Address {
	var out []hw.Address
	for _, a := range t.Functions() {
		if t.only != nil && a != *t.only {
			continue
		}
		f, err := t.Open(a)
		if err != nil {
			continue // Run tells
		}
		if id, err := pci.Identify(a, f.Config()); err == nil && (s.class == 0 ||
			id.Class == s.class) {
			out = append(out, a)
		}
	}
	return out
}

func (e *env) openTarget(name string) (*testee, error) {
	kind, rest, _ := strings.Cut(name, ":")
	switch {
	case kind == "sim":
		return e.simTarget(rest)
	case kind == "vfio-user" && rest != "":
		m, err := vfiouser.Dial(rest, vfiouser.Options{CPUs: 1})
		if err != nil {
			return nil, failed("does somebody serve there?", "%w", err)
		}
		return &testee{Machine: m, run: m.Run, close: m.Close}, nil
	case kind == "linux" && rest != "":
		return linuxTarget(rest)
	case kind == "qemu" && rest != "":
		return qemuTarget(rest)
	}
	return nil, usage("sim, vfio-user:PATH, linux:ADDRESS or qemu:DEVICE", "no target %q", name)
}

func (e *env) simTarget(function string) (*testee, error) {
	spec, err := e.spec()
	if err != nil {
		return nil, err
	}
	b, err := board.New(spec, e.recorder(), e.ties)
	if err != nil {
		return nil, usage("", "%w", err)
	}
	t := &testee{Machine: b, run: b.Run, close: func() error { b.Close(); return nil }}
	if err := e.injectFaults(b); err != nil {
		b.Close()
		return nil, err
	}
	if function != "" {
		a, err := hw.ParseAddress(function)
		if err != nil {
			return nil, usage("as in sim:0000:02:00.0", "%w", err)
		}
		if _, err := b.Open(a); err != nil {
			return nil, usage("see tos-sim machine describe", "%w", err)
		}
		t.only = &a
	}
	return t, nil
}

func linuxTarget(function string) (*testee, error) {
	a, err := hw.ParseAddress(function)
	if err != nil {
		return nil, usage("as in linux:0000:03:00.0", "%w", err)
	}
	if err := linux.Bind(a); err != nil {
		return nil, failed("", "%w", err)
	}
	m, err := linux.Open(linux.Options{Functions: []hw.Address{a}})
	if err != nil {
		return nil, failed("", "%w", err)
	}
	return &testee{Machine: m, run: m.Run, close: m.Close}, nil
}

// scratchDrive is the size of the image behind a drive of QEMU.
const scratchDrive = 64 << 20

func qemuTarget(device string) (*testee, error) {
	program := os.Getenv("TENSOROS_QEMU")
	if program == "" {
		program = "qemu-system-x86_64"
	}
	dir, err := os.MkdirTemp("", "conform")
	if err != nil {
		return nil, failed("", "%w", err)
	}
	var args []string
	if name, _, _ := strings.Cut(device, ","); name == "nvme" {
		image := filepath.Join(dir, "disk")
		if err = os.WriteFile(image, nil, 0o600); err == nil {
			err = os.Truncate(image, scratchDrive)
		}
		args = append(args, "-drive", "file="+image+",if=none,id=conform,format=raw,discard=unmap")
		device += ",drive=conform,serial=conform"
	}
	var m *qtest.Machine
	if err == nil {
		m, err = qtest.Start(qtest.Options{QEMU: program, Args: append(args, "-device", device)})
	}
	if err != nil {
		return nil, failed("TENSOROS_QEMU names the program", "%w",
			errors.Join(err, os.RemoveAll(dir)))
	}
	return &testee{Machine: m, run: m.Run,
		close: func() error { return errors.Join(m.Close(), os.RemoveAll(dir)) }}, nil
}

func (e *env) writeReports(suite string, o *conforming, list []*conformance.Report) error {
	broken := false
	for i, r := range list {
		broken = broken || r.Failed()
		write := func(w io.Writer) error { return r.WriteText(w, o.all) }
		if e.json {
			write = r.WriteJSON
		}
		if err := write(e.out); err != nil {
			return err
		}
		for _, f := range []struct {
			file  string
			write func(io.Writer) error
		}{{o.junit, r.WriteJUnit}, {o.html, r.WriteHTML}} {
			if f.file == "" {
				continue
			}
			if err := e.writeTo(nthFile(f.file, i), f.write); err != nil {
				return err
			}
		}
	}
	if broken {
		return failed("", "conform %s: rules are broken", suite)
	}
	return nil
}

// nthFile is a file's name for report i: report.html, report-2.html.
func nthFile(file string, i int) string {
	if i == 0 || file == "-" {
		return file
	}
	ext := filepath.Ext(file)
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(file, ext), i+1, ext)
}
