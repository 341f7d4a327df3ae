package board

import (
	"fmt"

	hwpcie "tensoros/hw/spec/pcie"
	"tensoros/sim/gpu"
	"tensoros/sim/gpu/chip"
	"tensoros/sim/nvme"
	"tensoros/sim/pcie"
	"tensoros/traces"
)

// New builds a computer. rec may be nil: then nothing is recorded. Ties between simultaneous
// events are shuffled by ties unless it is 0. stores hold the contents of the drives in turn;
// drives beyond them are empty.
func New(s Spec, rec *traces.Recorder, ties uint64, stores ...nvme.Store) (*Board, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	b := newBoard(s, rec)
	if ties != 0 {
		b.Engine.ShuffleTies(ties)
	}
	at := map[string]pcie.Bridge{"": b.Fabric.Root()}
	for _, sw := range s.Switches {
		link := b.slot(hwpcie.Link{Gen: 5, Lanes: 16, MPS: 256, MRRS: 512})
		br, err := b.Fabric.Switch(b.Fabric.Root(), link, sw.Name)
		if err != nil {
			return nil, err
		}
		at[sw.Name] = br
	}
	for i, g := range s.GPUs {
		if err := b.addGPU(at[g.Switch], fmt.Sprintf("gpu%d", i), g); err != nil {
			return nil, err
		}
	}
	for i, d := range s.Drives {
		var store nvme.Store
		if i < len(stores) {
			store = stores[i]
		} else {
			store = nvme.NewMemory(d.Size.Bytes())
		}
		if err := b.addDrive(at[d.Switch], fmt.Sprintf("nvme%d", i), d, store); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *Board) addDrive(at pcie.Bridge, name string, s DriveSpec, store nvme.Store) error {
	p := *nvme.Find(s.Profile)
	p.Link = b.slot(p.Link)
	c, fn, err := nvme.Attach(b.Engine, b.rec, b.Fabric, at, name, &p, store)
	if err != nil {
		return err
	}
	b.Drives = append(b.Drives, c)
	b.attach(fn)
	return nil
}

// slot is the link that a device and the board's slots agree on.
func (b *Board) slot(l hwpcie.Link) hwpcie.Link {
	l.Gen = min(l.Gen, b.Spec.Slots)
	return l
}

func (b *Board) addGPU(at pcie.Bridge, name string, s GPUSpec) error {
	c, err := s.Build()
	if err != nil {
		return err
	}
	if gen := fmt.Sprint(b.Spec.Slots); c.Get("pcie.gen") > float64(b.Spec.Slots) {
		if c, err = c.With("pcie.gen", gen); err != nil {
			return err
		}
	}
	g, fn, err := gpu.Attach(b.Engine, b.rec, b.Fabric, at, name, c)
	if err != nil {
		return err
	}
	b.GPUs = append(b.GPUs, g)
	b.attach(fn)
	return nil
}

// Build is the chip with its changes.
func (s GPUSpec) Build() (*chip.Chip, error) {
	c := chip.Chips[s.Chip]
	for _, p := range c.Params {
		if v, ok := s.Set[p.Key]; ok {
			var err error
			if c, err = c.With(p.Key, v); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}
