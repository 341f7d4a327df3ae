package main

import (
	"bytes"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"tensoros/hw"
	"tensoros/hw/spec/pcie"
	"tensoros/kernel/drv/gpu"
	"tensoros/kernel/mem"
)

// Copies between host and VRAM reach 95 % of what the published link equations allow.
func TestHostDeviceCopiesReachTheLink(t *testing.T) {
	for board, link := range map[string]pcie.Link{
		"h100": {Gen: 5, Lanes: 16, MPS: 256, MRRS: 512},
		"a100": {Gen: 4, Lanes: 16, MPS: 256, MRRS: 512},
	} {
		t.Run(board, func(t *testing.T) {
			onGPU(t, board, func(t *testing.T, cpu hw.CPU, d *gpu.Device) {
				share := pcie.AckShare(link.Gen)
				toDevice, toHost := copyRates(t, cpu, d)
				t.Logf("host to device %.2f GB/s, device to host %.2f GB/s", toDevice, toHost)
				atLeast(t, "host to device", toDevice, 0.95*link.ReadRate(share)/1e9)
				atLeast(t, "device to host", toHost, 0.95*link.WriteRate(share)/1e9)
			})
		})
	}
}

func atLeast(t *testing.T, what string, got, want float64) {
	t.Helper()
	if got < want || math.IsNaN(got) {
		t.Errorf("%s: %.2f GB/s, want %.2f", what, got, want)
	}
}

// copyRates copies 32 MiB each way and gives GB/s of simulated time.
func copyRates(t *testing.T, cpu hw.CPU, d *gpu.Device) (toDevice, toHost float64) {
	const n = 32 << 20
	host, err := d.HostMemory(n)
	if err != nil {
		t.Error(err)
		return
	}
	defer host.Free()
	at, err := d.Heap.Alloc(n)
	if err != nil {
		t.Error(err)
		return
	}
	defer d.Heap.Release(at, n)
	rate := func(dst, src mem.Addr) float64 {
		start := cpu.Now()
		f, err := d.Copy(dst, src, n)
		if err == nil {
			_, err = f.Wait()
		}
		if err != nil {
			t.Error(err)
		}
		return n / float64(cpu.Now()-start)
	}
	bus := mem.Addr(host.Bus())
	return rate(at, bus), rate(bus, at)
}

// From the start to the prompt in less than half a second of wall time and 100 MB.
func TestBootIsQuickAndSmall(t *testing.T) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	var out, errs bytes.Buffer
	if code := run(nil, strings.NewReader(""), &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, &errs)
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if took > 500*time.Millisecond {
		t.Errorf("boot to the prompt took %v", took)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 100<<20 {
		t.Errorf("boot allocated %d bytes", n)
	}
}
