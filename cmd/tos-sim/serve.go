package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tensoros/hw/tap"
	"tensoros/hw/vfiouser"
	"tensoros/sim"
	"tensoros/sim/board"
	"tensoros/sim/export"
	"tensoros/sim/nvme"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// servedDrive says how to build a drive for a peer, and again for a replay.
type servedDrive struct {
	Profile string `json:"profile"`
	Size    uint64 `json:"size"` // bytes
	Block   int    `json:"block"`
	Free    bool   `json:"free,omitempty"`
	Seed    uint64 `json:"seed"`
	File    string `json:"file,omitempty"`   // that held the contents
	Faults  string `json:"faults,omitempty"` // the plan, as text

	store nvme.Store
	ctl   *nvme.Controller
}

const serveLong = `Export a simulated device to a process that speaks vfio-user, such as QEMU 10.1 and later:

    tos-sim serve nvme --socket nvme.sock --file disk.img &
    qemu-system-x86_64 -machine q35,memory-backend=m -m 512 \
        -object memory-backend-memfd,id=m,size=512M,share=on \
        -device pcie-root-port,id=rp0,chassis=1,slot=1 \
        -device '{"driver":"vfio-user-pci","socket":{"path":"nvme.sock","type":"unix"},"bus":"rp0"}' ...

The guest's memory must be shared, as above. Simulated time keeps pace with the clock: a read of 60 us
takes the guest 60 us and what QEMU adds. With --pace free answers come as fast as they can be
computed. --record writes what crosses to a tape; tos-sim replay runs it again, to the bit.`

func serveCommand(e *env) *cobra.Command {
	c := &cobra.Command{Use: "serve", Short: "Export a simulated device to QEMU (vfio-user)",
		Long: serveLong}
	c.AddCommand(serveNVMeCommand(e))
	return c
}

// serving are the flags of serve.
type serving struct {
	socket, file, size, pace, record string
	once, verbose, doorbells         bool
	drive                            servedDrive
	watch                            func(*tap.TapeEvent)
}

func serveNVMeCommand(e *env) *cobra.Command {
	s := &serving{}
	c := &cobra.Command{
		Use:     "nvme --socket PATH",
		Short:   "Export an NVMe drive",
		Long:    serveLong,
		Example: "    tos-sim serve nvme --socket nvme.sock --file disk.img --size \"4 GiB\"",
		RunE:    func(*cobra.Command, []string) error { return e.serveNVMe(s) },
	}
	s.flags(c.Flags())
	return c
}

func (s *serving) flags(f *pflag.FlagSet) {
	f.StringVar(&s.socket, "socket", "", "UNIX socket `PATH` to listen at")
	f.StringVar(&s.file, "file", "",
		"image `FILE` with the contents; default: memory, empty at first")
	f.StringVar(&s.size, "size", "",
		"capacity, a `SIZE` such as \"1 GiB\"; default: that of the file, "+
			"or 1 GiB")
	f.StringVar(&s.drive.Profile, "profile", "micron9550", "`NAME` of the drive: "+
		strings.Join(nvme.Names(), ", "))
	f.IntVar(&s.drive.Block, "block", 512, "logical block of `BYTES`: 512 or 4096")
	f.Var(newChoice(&s.pace, "clock", "clock", "free"), "pace",
		"`PACE`: clock answers when the model would, free as soon as it can")
	f.StringVar(&s.record, "record", "",
		"write what crosses into a tape, `FILE`, for tos-sim replay")
	f.BoolVar(&s.doorbells, "map-doorbells", false, "let the client map the doorbells, as SPDK "+
		"demands; QEMU then waits for each write")
	f.BoolVar(&s.once, "once", false, "end when the first client has left")
	f.BoolVar(&s.verbose, "verbose", false, "say what a client did wrong, as it happens")
}

func (e *env) serveNVMe(s *serving) (err error) {
	if s.socket == "" {
		return usage("as in --socket nvme.sock", "serve nvme: --socket is needed")
	}
	if err := s.open(); err != nil {
		return err
	}
	s.drive.Seed, s.drive.Free = e.seed, s.pace == "free"
	if s.drive.Faults, err = e.faultText(); err != nil {
		return err
	}
	o := export.Options{Free: s.drive.Free, Log: e.logger(s.verbose), Watch: s.watch,
		Doorbells: s.doorbells}
	if s.record != "" {
		tape, done, err := startTape(s.record, &s.drive)
		if err != nil {
			return err
		}
		o.Tape = tape
		defer func() { err = errors.Join(err, done()) }()
	}
	rec := e.recorder()
	fn, err := export.New(rec, s.drive.attach, o)
	if err != nil {
		return failed("", "serve nvme: %w", err)
	}
	defer func() { err = errors.Join(err, fn.Close()) }()
	srv, err := vfiouser.Listen(s.socket, fn)
	if err != nil {
		return failed("", "serve nvme: %w", reason(err))
	}
	srv.Log = o.Log
	err = e.serveLoop(srv, s)
	if o.Tape != nil {
		err = errors.Join(err, o.Tape.Close(fn.Engine.Now()))
	}
	if s.watch == nil {
		e.served(srv, fn, &s.drive)
	}
	err = errors.Join(err, e.saveTrace(rec))
	return errors.Join(err, s.close())
}

// open gets the contents ready.
func (s *serving) open() error {
	d := &s.drive
	if nvme.Find(d.Profile) == nil {
		return usage("there are "+strings.Join(nvme.Names(), ", "), "serve nvme: no drive %q",
			d.Profile)
	}
	if d.Block != 512 && d.Block != 4096 {
		return usage("512 or 4096", "serve nvme: --block %d", d.Block)
	}
	if s.size != "" {
		if d.Size = board.Size(s.size).Bytes(); d.Size == 0 {
			return usage("as in --size \"1 GiB\"", "--size %q: write a whole number and a unit",
				s.size)
		}
	}
	if s.file == "" {
		if d.Size == 0 {
			d.Size = 1 << 30
		}
		d.store = nvme.NewMemory(d.Size)
		return nil
	}
	f, err := nvme.OpenFile(s.file, d.Size)
	if err != nil {
		return input("give --size for a new file", "%s: %w", s.file, reason(err))
	}
	d.File, d.Size, d.store = s.file, f.Size(), f
	return nil
}

func (s *serving) close() error {
	if f, ok := s.drive.store.(*nvme.File); ok {
		return f.Close()
	}
	return nil
}

// attach plugs the drive into the root complex.
func (d *servedDrive) attach(eng *sim.Engine, rec *traces.Recorder,
	fabric *pcie.Fabric) (fn *pcie.Function, err error) {
	shift := uint8(9)
	if d.Block == 4096 {
		shift = 12
	}
	prof := nvme.Find(d.Profile).WithBlocks(shift)
	d.ctl, fn, err = nvme.Attach(eng, rec, fabric, fabric.Root(), "nvme0", prof, d.store)
	if err != nil || d.Faults == "" {
		return fn, err
	}
	plan, err := nvme.ParseFaults(d.Faults)
	if err == nil {
		d.ctl.SetFaults(plan, d.Seed)
	}
	return fn, err
}

// startTape begins a recording; done closes the file.
func startTape(path string, d *servedDrive) (*tap.Tape, func() error, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, nil, input("", "record %s: %w", path, reason(err))
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return tap.NewTape(f, string(text)), f.Close, nil
}

// recorder is nil without --trace.
func (e *env) recorder() *traces.Recorder {
	if e.trace == "" {
		return nil
	}
	return traces.NewRecorder()
}

func (e *env) saveTrace(rec *traces.Recorder) error {
	if rec == nil {
		return nil
	}
	if err := os.WriteFile(e.trace, rec.Bytes(), 0o666); err != nil {
		return input("", "trace %s: %w", e.trace, reason(err))
	}
	return nil
}

func (e *env) logger(on bool) func(string, ...any) {
	if !on {
		return nil
	}
	return func(format string, args ...any) { fmt.Fprintf(e.err, format+"\n", args...) }
}

// serveLoop serves one client after another until an interrupt, or one if once is set.
func (e *env) serveLoop(srv *vfiouser.Server, s *serving) error {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	defer signal.Stop(stop)
	go func() {
		<-stop
		_ = srv.Close() // Serve tells
	}()
	fmt.Fprintf(e.out, "%s, %d MiB, at %s; Ctrl-C ends\n", nvme.Find(s.drive.Profile).Model,
		s.drive.Size>>20, s.socket)
	for {
		err := srv.Serve()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return failed("", "serve nvme: %w", err)
		case s.once:
			return srv.Close()
		}
		fmt.Fprintln(e.out, "the client has left")
	}
}

// serveReport is what a peer did.
type serveReport struct {
	Reads     uint64            `json:"reads"`
	Writes    uint64            `json:"writes"`
	Simulated float64           `json:"simulated_seconds"`
	Messages  map[string]uint64 `json:"messages"`
	Faults    map[string]uint64 `json:"faults,omitempty"` // that were injected, by effect
	Findings  []string          `json:"findings"`
}

func (e *env) served(srv *vfiouser.Server, fn *export.Function, d *servedDrive) {
	r := serveReport{Reads: d.ctl.Reads, Writes: d.ctl.Writes, Findings: broken(fn, d),
		Simulated: fn.Engine.Now().Seconds(), Messages: map[string]uint64{}}
	for c, n := range srv.Counts {
		r.Messages[c.String()] = n
	}
	for effect, n := range d.ctl.Faults {
		if n > 0 {
			if r.Faults == nil {
				r.Faults = map[string]uint64{}
			}
			r.Faults[nvme.Effect(effect).String()] = n
		}
	}
	if e.json {
		_ = e.encode(r) // standard output is gone: there is nobody to tell
		return
	}
	fmt.Fprintf(e.out, "%d reads, %d writes, %.3f s of simulated time\n", r.Reads, r.Writes,
		r.Simulated)
	for _, name := range slices.Sorted(maps.Keys(r.Messages)) {
		fmt.Fprintf(e.out, "  %-24s %d\n", name, r.Messages[name])
	}
	for _, name := range slices.Sorted(maps.Keys(r.Faults)) {
		fmt.Fprintf(e.out, "fault %s: %d\n", name, r.Faults[name])
	}
	for _, f := range r.Findings {
		fmt.Fprintln(e.out, f)
	}
}

// mostFindings is how many findings a report lists; a peer that goes wrong makes very many.
const mostFindings = 20

// broken are the rules that the peer broke.
func broken(fn *export.Function, d *servedDrive) []string {
	list := []string{}
	all := append(slices.Clone(fn.Fabric.Findings), d.ctl.Findings...)
	for _, f := range all[:min(len(all), mostFindings)] {
		list = append(list, f.String())
	}
	if n := len(all) - len(list); n > 0 {
		list = append(list, fmt.Sprintf("and %d more findings", n))
	}
	return list
}

func replayCommand(e *env) *cobra.Command {
	file := ""
	c := &cobra.Command{
		Use:   "replay TAPE",
		Short: "Run a tape of tos-sim serve again, and compare",
		Long: "Run again what tos-sim serve --record has recorded: the same accesses at the same " +
			"simulated\ntimes, with the same guest memory. The device must do the same, to the bit. " +
			"--trace\nrecords a timing trace of it. A drive with a file needs the contents that it had " +
			"when the\nrecording began: give a copy, with its .nvme beside it, by --file.",
		Example: "    tos-sim replay boot.tape --trace boot.tos",
		Args:    cobra.ExactArgs(1),
		RunE:    func(_ *cobra.Command, args []string) error { return e.replay(args[0], file) },
	}
	c.Flags().StringVar(&file, "file", "", "image `FILE` with the contents at the start")
	return c
}

type replayReport struct {
	Events    uint64  `json:"events"`
	Simulated float64 `json:"simulated_seconds"`
	Wall      float64 `json:"wall_seconds"`
	Reads     uint64  `json:"reads"`
	Writes    uint64  `json:"writes"`
}

func (e *env) replay(path, file string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return input("", "replay %s: %w", path, reason(err))
	}
	defer f.Close()
	tape, err := tap.OpenTape(bufio.NewReader(f))
	if err != nil {
		return input("it is made by tos-sim serve --record", "%s: %w", path, err)
	}
	var d servedDrive
	if err := json.Unmarshal([]byte(tape.Device), &d); err != nil || nvme.Find(d.Profile) == nil {
		return input("", "%s: the tape is of no drive that is known here: %s", path, tape.Device)
	}
	if err := d.restore(file); err != nil {
		return err
	}
	rec := e.recorder()
	fn, err := export.New(rec, d.attach, export.Options{Free: d.Free})
	if err != nil {
		return failed("", "replay: %w", err)
	}
	defer func() { err = errors.Join(err, fn.Close()) }()
	start := time.Now()
	events, err := fn.Replay(tape)
	err = errors.Join(err, e.saveTrace(rec))
	if err != nil {
		return failed("were contents, program and seed the same?", "%s: %w", path, err)
	}
	r := replayReport{events, fn.Engine.Now().Seconds(), time.Since(start).Seconds(), d.ctl.Reads,
		d.ctl.Writes}
	if e.json {
		return e.encode(r)
	}
	_, err = fmt.Fprintf(e.out,
		"%d events, %d reads, %d writes, %.3f s of simulated time: the same, "+
			"to the bit, in %.2f s\n", r.Events, r.Reads, r.Writes, r.Simulated, r.Wall)
	return err
}

// restore gets the contents that the drive began with. The file itself is never written.
func (d *servedDrive) restore(file string) error {
	m := nvme.NewMemory(d.Size)
	d.store = m
	if state, err := os.ReadFile(file + ".nvme"); file != "" && err == nil {
		if err := m.Save(state); err != nil { // what the drive knows of itself beside its contents
			return err
		}
	}
	if file == "" {
		if d.File != "" {
			return usage("--file COPY",
				"replay: the drive had contents, in %s: give them as they were", d.File)
		}
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return input("", "replay %s: %w", file, reason(err))
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	for off := uint64(0); off < d.Size; {
		n, err := f.ReadAt(buf[:min(uint64(len(buf)), d.Size-off)], int64(off))
		if n > 0 && !zero(buf[:n]) {
			err = errors.Join(err, m.WriteAt(off, buf[:n]))
		}
		off += uint64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return input("", "replay %s: %w", file, reason(err))
		}
	}
	return nil
}

func zero(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}
