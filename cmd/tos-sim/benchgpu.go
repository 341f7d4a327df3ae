package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"tensoros/hw/ptx"
	"tensoros/sim/gpu/chip"
	"tensoros/sim/gpu/memory"
	"tensoros/sim/gpu/sm"

	_ "embed"
)

// The kernels are those of sim/gpu/sm/testdata, which no embedding of this folder reaches; a test
// keeps the copies equal.
//
//go:embed data/matmul_f32.ptx
var tiledText string

//go:embed data/vecadd.ptx
var vectorText string

// gpuBenches begin with the one whose memory is looked at: later ones would leave theirs.
var gpuBenches = []bench{
	{"matmul-memory", "B", "most memory that the process had after timing a tiled f32 product of " +
		"512^3 on all SMs of an H100", 150e6, memoryWork, math.Max, true},
	{"matmul-wall", "s", "wall time of that", 4, wallWork, math.Min, true},
	{"matmul-timed", "warp-instr/s", "the product of 256^3, with timing", 1e6,
		timedGPU(tiledLaunch, 1), nil, false},
	{"vecadd-timed", "warp-instr/s", "sum of two vectors of 262,144 f32, with timing", 600e3,
		timedGPU(vectorLaunch, 1), nil, false},
	{"matmul-functional", "warp-instr/s", "the product of 256^3, no timing", 15e6,
		functionalGPU(tiledLaunch), nil, false},
	{"vecadd-functional", "warp-instr/s", "the sum, no timing", 15e6, functionalGPU(vectorLaunch),
		nil, false},
	{"tensor", "MAC/s", "mma.sync m16n8k16 f16 to f32 of sm_90, bit for bit", 1.5e9, tensorWork,
		nil, false},
	{"threads", "times", "speed of the timed product on two threads against one", 1.7, threadsWork,
		math.Max, false},
}

// f32Launch loads a kernel with the chip's machine program, and gives it two operands of n values
// and room for a result.
func f32Launch(text string, n int, last uint32) (*sm.Launch, error) {
	m, err := ptx.Parse("bench.ptx", []byte(text))
	if err != nil {
		return nil, err
	}
	core := chip.H100.Core()
	p, err := sm.LoadAt(m, "", core.Target(), sm.ModuleWindow)
	if err != nil {
		return nil, err
	}
	v := make(vram, 3*4*n)
	for i := range 2 * n { // f32 of small integers: sums stay exact
		binary.LittleEndian.PutUint32(v[4*i:], math.Float32bits(float32(i*7%31-15)))
	}
	var params []byte
	for i := range 3 {
		params = binary.LittleEndian.AppendUint64(params, vramBase+uint64(i*4*n))
	}
	params = binary.LittleEndian.AppendUint32(params, last)
	return &sm.Launch{Prog: p, Params: params, Mem: v}, nil
}

// tiledProduct is n^3 in tiles of 16 x 16.
func tiledProduct(n int) (*sm.Launch, error) {
	l, err := f32Launch(tiledText, n*n, uint32(n))
	if err == nil {
		l.Grid, l.Block = [3]uint32{uint32(n / 16), uint32(n / 16), 1}, [3]uint32{16, 16, 1}
	}
	return l, err
}

func tiledLaunch() (*sm.Launch, error) { return tiledProduct(256) }

func vectorLaunch() (*sm.Launch, error) {
	const n = 512 * 512
	l, err := f32Launch(vectorText, n, n)
	if err == nil {
		l.Grid, l.Block = [3]uint32{n / 256, 1, 1}, [3]uint32{256, 1, 1}
	}
	return l, err
}

// timeGPU runs a launch on all SMs of an H100 whose caches are empty.
func timeGPU(l *sm.Launch, threads int) (float64, error) {
	core := chip.H100.Core()
	core.Threads = threads
	g, err := sm.NewGrid(core, int(chip.H100.Get("sm.count")), memory.New(chip.H100.Memory()), l,
		l.Prog.Registers(), 0)
	if err != nil {
		return 0, err
	}
	const never = int64(1) << 62
	_, _, err = g.Run(never)
	return float64(g.Stats().Instructions), err
}

func timedGPU(make func() (*sm.Launch, error),
	threads int) func() (func() (float64, error), error) {
	return func() (func() (float64, error), error) {
		l, err := make()
		return func() (float64, error) { return timeGPU(l, threads) }, err
	}
}

func functionalGPU(make func() (*sm.Launch, error)) func() (func() (float64, error), error) {
	return func() (func() (float64, error), error) {
		l, err := make()
		return func() (float64, error) {
			s, err := l.Run()
			return float64(s.Instructions), err
		}, err
	}
}

const wallSize = 512

func wallWork() (func() (float64, error), error) {
	l, err := tiledProduct(wallSize)
	return func() (float64, error) {
		start := time.Now()
		_, err := timeGPU(l, 1)
		return time.Since(start).Seconds(), err
	}, err
}

func memoryWork() (func() (float64, error), error) {
	l, err := tiledProduct(wallSize)
	debug.FreeOSMemory()
	return func() (float64, error) {
		if _, err := timeGPU(l, 1); err != nil {
			return 0, err
		}
		return peakMemory()
	}, err
}

// peakMemory is the most memory that the process had: VmHWM of proc(5), or where there is none,
// what the Go runtime has taken.
func peakMemory() (float64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.Sys), nil
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			var kB float64
			_, err := fmt.Sscan(rest, &kB)
			return kB * 1024, err
		}
	}
	return 0, fmt.Errorf("no VmHWM in %s", f.Name())
}

// threadsWork compares one run on each.
func threadsWork() (func() (float64, error), error) {
	l, err := tiledLaunch()
	return func() (float64, error) {
		var wall [2]float64
		for i := range wall {
			start := time.Now()
			if _, err := timeGPU(l, 1+i); err != nil {
				return 0, err
			}
			wall[i] = time.Since(start).Seconds()
		}
		return wall[0] / wall[1], nil
	}, err
}
