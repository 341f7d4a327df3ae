package cuda

import (
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"

	corpus "tensoros/conformance/cuda"
	"tensoros/hw"
	"tensoros/hw/hwtest"
)

func TestStructsLieAsInTheHeader(t *testing.T) {
	if got := layout(); got != [5]uintptr{56, 32, 48, 72, 8} {
		t.Errorf("%v", got)
	}
}

// TestTableIsComplete: every function has a symbol of its own.
func TestTableIsComplete(t *testing.T) {
	d := &driver{}
	seen := map[any]bool{}
	for _, s := range d.symbols() {
		if !strings.HasPrefix(s.name, "cu") || seen[s.fn] {
			t.Errorf("symbol %s", s.name)
		}
		seen[s.fn] = true
	}
	if n := reflect.TypeFor[driver]().NumField(); len(seen) != n {
		t.Errorf("%d symbols for %d functions", len(seen), n)
	}
}

func TestSuiteOverTheFakeDriver(t *testing.T) {
	f := newFake()
	a, err := openOn(f.driver(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if a.Name() != "NVIDIA H100-SXM5-80GB" || a.Arch() != 90 {
		t.Errorf("%s, %d", a.Name(), a.Arch())
	}
	hwtest.Accelerator(t, a)
	if f.retains != 0 || f.calls["CtxReset"] != 1 {
		t.Errorf("%d contexts left, %d reset", f.retains, f.calls["CtxReset"])
	}
}

// TestRealGPU runs the suite on the GPU of this machine, if it has one.
func TestRealGPU(t *testing.T) {
	a, err := Open(0)
	if errors.Is(err, ErrNoDriver) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s, sm_%d", a.Name(), a.Arch())
	hwtest.Accelerator(t, a)
}

// TestCorpusOverTheFakeDriver: what the corpus needs of a driver, tensor maps and clusters too.
func TestCorpusOverTheFakeDriver(t *testing.T) {
	a, err := openOn(newFake().driver(), 0)
	if err != nil {
		t.Fatal(err)
	}
	runCorpus(t, a, true)
}

// TestCorpusOnRealGPU holds our kernels' references against silicon.
func TestCorpusOnRealGPU(t *testing.T) {
	a, err := Open(0)
	if errors.Is(err, ErrNoDriver) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s, sm_%d", a.Name(), a.Arch())
	runCorpus(t, a, false)
}

func runCorpus(t *testing.T, a *Accelerator, cooperative bool) {
	for _, c := range corpus.Cases() {
		if a.Arch() < c.Arch || c.Skip != "" || c.Cooperative && !cooperative {
			continue
		}
		if err := corpus.Run(a, &c); err != nil {
			t.Error(err)
		}
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	for call, want := range map[string]string{
		"Init":           "initialise the driver: no device (CUDA error 100)",
		"DeviceGetCount": "count devices: no device",
		"CtxRetain":      "open a context: no device",
	} {
		f := newFake()
		f.fail[call] = errNoDevice
		_, err := openOn(f.driver(), 0)
		if !errors.Is(err, ErrNoDriver) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", call, err)
		}
	}
	f := newFake()
	d := f.driver()
	if _, err := openOn(d, 3); err == nil || !strings.Contains(err.Error(), "open device 3") {
		t.Errorf("device 3: %v", err)
	}
	d.DeviceGetCount = func(n *int32) int32 { *n = 0; return success }
	if _, err := openOn(d, 0); !errors.Is(err, ErrNoDriver) {
		t.Errorf("no devices: %v", err)
	}
}

const empty = ".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry k() { ret; }"

func kernelOf(t *testing.T, f *fake) (*Accelerator, hw.Kernel) {
	t.Helper()
	a, err := openOn(f.driver(), 0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.Load("empty.ptx", []byte(empty))
	if err != nil {
		t.Fatal(err)
	}
	k, err := m.Kernel("k")
	if err != nil {
		t.Fatal(err)
	}
	return a, k
}

func TestCompilersLogIsTheError(t *testing.T) {
	a, err := openOn(newFake().driver(), 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Load("mine.ptx", []byte("nonsense"))
	want := "cuda: load mine.ptx: the PTX does not compile (CUDA error 218)\n" +
		"mine.ptx:7: error: Unknown symbol 'x'\n" +
		"ptxas fatal   : Ptx assembly aborted due to errors"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// TestFatalErrorsStick: the first is the one that is told, until a new context is opened.
func TestFatalErrorsStick(t *testing.T) {
	f := newFake()
	a, k := kernelOf(t, f)
	f.pending = 700
	if _, err := k.Launch(hw.Grid{}); !errors.Is(err, hw.ErrLost) ||
		!strings.Contains(err.Error(), "launch k") {
		t.Errorf("launch: %v", err)
	}
	before := f.calls["MemAlloc"]
	_, err := a.Alloc(16)
	if !errors.Is(err, hw.ErrLost) || !strings.Contains(err.Error(), "lost since") ||
		!strings.Contains(err.Error(), "CUDA error 700") || f.calls["MemAlloc"] != before {
		t.Errorf("after it: %v", err)
	}
	if err := a.Close(); err != nil || f.retains != 0 {
		t.Errorf("close: %v, %d contexts", err, f.retains)
	}
	a, k = kernelOf(t, f)
	if _, err := k.Launch(hw.Grid{}); err != nil {
		t.Errorf("in a new context: %v", err)
	}
	if err := a.Close(); err != nil || f.events != 2 { // two died with the first context
		t.Errorf("close: %v, %d events", err, f.events)
	}
}

func TestErrorsThatPass(t *testing.T) {
	f := newFake()
	a, _ := kernelOf(t, f)
	for call, code := range map[string]int32{"Launch": 701, "EventRecord": 400, "EventCreate": 304,
		"EventElapsed": 600, "CtxSetCurrent": 201, "FuncSetAttribute": 1} {
		_, k := kernelOf(t, f) // its events are made anew
		f.fail[call] = code
		_, err := k.Launch(hw.Grid{Shared: 64 << 10})
		var e *Error
		if !errors.As(err, &e) || e.Code != code || errors.Is(err, hw.ErrLost) {
			t.Errorf("%s fails with %d: %v", call, code, err)
		}
		delete(f.fail, call)
	}
	f.fail["MemAlloc"] = errNoMemory
	if _, err := a.Alloc(1); !errors.Is(err, hw.ErrNoMemory) {
		t.Errorf("allocate: %v", err)
	}
	f.fail["MemAlloc"] = 12345
	if _, err := a.Alloc(1); err == nil || !strings.Contains(err.Error(), "CUDA error 12345") {
		t.Errorf("a code nobody knows: %v", err)
	}
}

func TestLaunchAsksForWhatIsNotPlain(t *testing.T) {
	f := newFake()
	_, k := kernelOf(t, f)
	l, err := k.Launch(hw.Grid{Blocks: [3]uint32{32, 1, 4}, Shared: 100 << 10,
		Cluster: [3]uint32{4, 0, 4}, Params: binary.LittleEndian.AppendUint64(nil, 5)})
	if err != nil || l.Elapsed != 250_000 || l.Cycles != 0 {
		t.Fatalf("%+v, %v", l, err)
	}
	if f.config.count != 1 || f.cluster.id != launchCluster ||
		f.cluster.cluster != [3]uint32{4, 1, 4} {
		t.Errorf("cluster %+v", f.cluster)
	}
	if f.config.grid != [3]uint32{32, 1, 4} || f.config.shared != 100<<10 ||
		f.calls["FuncSetAttribute"] != 2 {
		t.Errorf("%+v, %d attributes", f.config, f.calls["FuncSetAttribute"])
	}
	if _, err := k.Launch(hw.Grid{}); err != nil || f.config.count != 0 {
		t.Errorf("a plain launch: %+v, %v", f.config, err)
	}
}
