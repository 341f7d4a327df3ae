package kernel_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"tensoros/hw"
	"tensoros/hw/qtest"
	"tensoros/kernel"
	"tensoros/kernel/tensorfs"
	"tensoros/sim/nvme"
)

// TestQtestBoot boots TensorOS on QEMU's device models: two drives of QEMU's with a striped volume
// that was made on this side, an object read and another stored through the kernel, and both found
// in QEMU's images afterwards.
func TestQtestBoot(t *testing.T) {
	qemu := os.Getenv("TENSOROS_QEMU")
	if qemu == "" {
		t.Skip("TENSOROS_QEMU names no QEMU: see conformance/peers/qemu/get.sh")
	}
	files, args := []string{}, []string{}
	for _, name := range []string{"a", "b"} {
		file := filepath.Join(t.TempDir(), name)
		files = append(files, file)
		args = append(args, "-drive", "file="+file+",if=none,format=raw,id="+name, "-device",
			"nvme,serial="+name+",drive="+name)
	}
	want := make([]byte, 3<<20+512)
	for i := range want {
		want[i] = byte(i * 7 >> 3)
	}
	onFiles(t, files, func(devs ...tensorfs.Device) {
		v, err := tensorfs.Format(tensorfs.Geometry{}, devs...)
		if err == nil {
			err = v.Put(tensorfs.File{Object: object("seen", len(want)), Data: want})
		}
		if err == nil {
			err = v.Commit()
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	m, err := qtest.Start(qtest.Options{QEMU: qemu, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	m.Start(0, func(cpu hw.CPU) { session(t, cpu, m, want) })
	if err := m.Run(); err != nil {
		t.Error(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	onFiles(t, files, func(devs ...tensorfs.Device) {
		v, err := tensorfs.MountReadOnly(devs...)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"seen", "stored"} {
			if f, err := v.Get(name); err != nil || !bytes.Equal(f.Data, want) {
				t.Errorf("%s in QEMU's images: %v", name, err)
			}
		}
	})
}

func object(name string, n int) tensorfs.Object {
	return tensorfs.Object{Name: name, Elem: "u8", Shape: []int{n}, Len: uint64(n)}
}

// onFiles calls f with the image files as devices.
func onFiles(t *testing.T, files []string, f func(...tensorfs.Device)) {
	t.Helper()
	var devs []tensorfs.Device
	for _, name := range files {
		d, err := nvme.OpenFile(name, 32<<20)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		devs = append(devs, d)
	}
	f(devs...)
}

// session is what TensorOS does: mount, read an object by DMA, store its bytes as another.
func session(t *testing.T, cpu hw.CPU, m *qtest.Machine, want []byte) {
	k, err := kernel.Boot(cpu, m, kernel.Options{Log: func(at hw.Time, text string) {
		t.Logf("[%d ns] %s", at, text)
	}})
	if err != nil {
		t.Error(err)
		return
	}
	defer func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	}()
	if len(k.Volumes) != 1 || len(k.Volumes[0].Drives) != 2 {
		t.Errorf("%d volumes", len(k.Volumes))
		return
	}
	v := k.Volumes[0]
	o, ok := v.FS.Lookup("seen")
	if !ok {
		t.Error("the object is not there")
		return
	}
	f, err := m.Open(m.Functions()[0])
	if err != nil {
		t.Error(err)
		return
	}
	mem, err := f.Memory(len(want))
	if err != nil {
		t.Error(err)
		return
	}
	defer mem.Free()
	step, err := k.ReadObject(v, o, mem.Bus())
	if err == nil {
		err = k.Loop.Wait(k.Loop.Go("load", step))
	}
	if err != nil || !bytes.Equal(mem.Bytes(), want) {
		t.Errorf("load: %v", err)
	}
	if err := k.WriteObject(v, object("stored", len(want)), mem.Bus()); err != nil {
		t.Error(err)
	}
}
