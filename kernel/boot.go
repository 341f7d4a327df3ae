package kernel

import (
	"fmt"
	"slices"

	"tensoros/hw"
	"tensoros/hw/pci"
	"tensoros/kernel/drv/gpu"
	"tensoros/kernel/drv/nvme"
	"tensoros/kernel/mem"
	"tensoros/kernel/task"
	"tensoros/kernel/tensorfs"
	"tensoros/traces"
)

// Boot starts TensorOS on the processor that runs it. A device that does not come up is noted and
// left out; a machine on which nothing comes up is an error.
func Boot(cpu hw.CPU, m hw.Machine, opt Options) (*Kernel, error) {
	k := &Kernel{CPU: cpu, Machine: m, Loop: task.NewLoop(cpu), rec: opt.Recorder, log: opt.Log}
	k.track = k.rec.Track("kernel")
	err := k.Space.Add(mem.Range{Base: 0, Len: mem.RAMLen, Kind: mem.RAM,
		Name: "host memory, by bus address"})
	if err != nil {
		return nil, err
	}
	found, err := k.enumerate()
	if err != nil {
		return nil, err
	}
	for _, f := range found {
		start := cpu.Now()
		stage := ""
		switch {
		case f.id.Class == pci.ClassNVMe:
			stage = "nvme"
			err = k.addDrive(f)
		case f.id.Base() == pci.ClassDisplay:
			stage = "gpu"
			err = k.addGPU(f)
		default:
			k.Note("pci  %v: no driver", f.id)
			if err := f.fn.Close(); err != nil {
				k.Note("pci  %v: %v", f.id.Addr, err)
			}
			continue
		}
		k.Span(traces.KernelBoot, start, k.Text(stage))
		if err != nil {
			k.Note("%s %v: %v", stage, f.id.Addr, err)
		}
	}
	k.mountAll()
	k.Ready = cpu.Now()
	if len(k.GPUs) == 0 && len(k.Drives) == 0 {
		return nil, fmt.Errorf("kernel: no device came up on this machine")
	}
	return k, nil
}

type candidate struct {
	id pci.Identity
	fn hw.Function
}

// enumerate opens and identifies every function.
func (k *Kernel) enumerate() ([]candidate, error) {
	start := k.CPU.Now()
	var out []candidate
	for _, a := range k.Machine.Functions() {
		fn, err := k.Machine.Open(a)
		if err != nil {
			return nil, err
		}
		id, err := pci.Identify(a, fn.Config())
		if err != nil {
			k.Note("pci  %v: %v", a, err)
			continue
		}
		out = append(out, candidate{id, fn})
	}
	k.Span(traces.KernelBoot, start, k.Text("enumerate"))
	k.Note("pci  %d functions", len(out))
	return out, nil
}

func (k *Kernel) addGPU(f candidate) error {
	i := len(k.GPUs)
	if i == mem.MaxGPUs-1 {
		return fmt.Errorf("%d GPUs fit the address map", i)
	}
	d, err := gpu.Open(k.CPU, f.fn, f.id.Addr, i)
	if err != nil {
		return err
	}
	d.Yield = k.Loop.Turn
	k.GPUs = append(k.GPUs, d)
	k.Note("gpu%d %v %v, %d MiB at %#x", i, f.id.Addr, d.Iface.Arch, d.Memory>>20, uint64(d.Base()))
	return k.Space.Add(mem.Range{Base: d.Base(), Len: d.Memory, Kind: mem.VRAM, Owner: i,
		Name: fmt.Sprintf("gpu%d", i)})
}

func (k *Kernel) addDrive(f candidate) error {
	i := len(k.Drives)
	n, err := nvme.Open(k.CPU, f.fn, f.id.Addr)
	if err != nil {
		return err
	}
	k.Drives = append(k.Drives, &Drive{Index: i, NVMe: n, k: k, fn: f.fn})
	size := n.Blocks * uint64(n.BlockSize)
	k.Note("nvme%d %v %s, %d MiB at %#x", i, f.id.Addr, n.Model, size>>20, uint64(mem.NVMeBase(i)))
	return k.Space.Add(mem.Range{Base: mem.NVMeBase(i), Len: min(size, mem.MaxDriveBytes),
		Kind: mem.NVMe, Owner: i, Name: fmt.Sprintf("nvme%d", i)})
}

// mountAll mounts the volumes on the drives, each of one drive or of several.
func (k *Kernel) mountAll() {
	start := k.CPU.Now()
	var volumes []*Volume
	var members [][]tensorfs.Member
	for _, d := range k.Drives {
		m, err := tensorfs.Identify(d)
		if err != nil {
			k.Note("nvme%d no volume: %v", d.Index, err)
			continue
		}
		same := func(l []tensorfs.Member) bool { return l[0].UUID == m.UUID }
		i := slices.IndexFunc(members, same)
		if i < 0 {
			i = len(members)
			members, volumes = append(members, nil), append(volumes, &Volume{})
		}
		members[i], volumes[i].Drives = append(members[i], m), append(volumes[i].Drives, d)
	}
	for i, v := range volumes {
		if err := k.mount(v, members[i]); err != nil {
			k.Note("%v no volume: %v", v, err)
		}
	}
	if len(k.Drives) > 0 {
		k.Span(traces.KernelBoot, start, k.Text("tensorfs"))
	}
}

func (k *Kernel) mount(v *Volume, members []tensorfs.Member) error {
	fs, err := tensorfs.MountMembers(members, false)
	if err != nil {
		return err
	}
	order := make([]*Drive, len(members))
	for i, m := range members {
		order[m.Index] = v.Drives[i]
	}
	v.Index, v.Drives, v.FS = len(k.Volumes), order, fs
	k.Volumes = append(k.Volumes, v)
	for _, n := range fs.Notes {
		k.Note("%v repaired: %s", v, n)
	}
	k.Note("%v TensorFS, %d objects", v, len(fs.Names()))
	return nil
}
