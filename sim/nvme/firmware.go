package nvme

import (
	"strings"

	spec "tensoros/hw/spec/nvme"
)

// firmwareSlots is the slots of the drive, all writable [D].
const firmwareSlots = 3

// imageMost is the largest firmware image that is taken [D].
const imageMost = 4 << 20

// firmware is the images of a drive. An image is told by its first 8 bytes, the revision, which
// must be printable; the rest of it is not run, of course.
type firmware struct {
	Slots  [firmwareSlots]string // revisions
	Active int                   // slot that runs, from 0
	Next   int                   // slot that a reset will run, from 1; 0: no other
	image  []byte                // downloaded
	pieces []stretch
}

func (f *firmware) running() string { return f.Slots[f.Active] }

// activate runs the slot that was chosen for the next reset.
func (f *firmware) activate() {
	f.image, f.pieces = nil, nil
	if f.Next > 0 {
		f.Active, f.Next = f.Next-1, 0
	}
}

// encode fills the Firmware Slot Information page (Base, 5.16.1.4).
func (f *firmware) encode(p []byte) {
	p[0] = uint8(f.Active+1) | uint8(f.Next)<<4
	for i, s := range f.Slots {
		if s != "" {
			copy(p[8+8*i:], (s + "        ")[:8])
		}
	}
}

// imageSize is the size rule of Firmware Image Download: CDW10 is double words, 0's based.
func (c *Controller) imageSize(cmd *command) (int, spec.Status) {
	n, at := (uint64(cmd.e.CDW10)+1)*4, uint64(cmd.e.CDW11)*4
	if n > uint64(c.Profile.MaxTransfer()) || at+n > imageMost {
		return 0, cmd.bad(40, 0)
	}
	if n%4096 != 0 || at%4096 != 0 { // FWUG
		return 0, cmd.bad(40, 0)
	}
	return int(n), spec.Success
}

func (c *Controller) downloadFirmware(cmd *command) spec.Status {
	f, at := &c.firm, uint64(cmd.e.CDW11)*4
	n := uint64(len(cmd.data))
	for _, s := range f.pieces {
		if at < s.end() && s.At < at+n {
			return cmd.blame(44, 0, spec.OverlappingRange)
		}
	}
	if need := int(at + n); need > len(f.image) {
		f.image = append(f.image, make([]byte, need-len(f.image))...)
	}
	copy(f.image[at:], cmd.data)
	f.pieces = append(f.pieces, stretch{at, n})
	return spec.Success
}

// whole reports whether the pieces that came make an image from its start without a gap.
func (f *firmware) whole() bool {
	total := uint64(0)
	for _, s := range f.pieces {
		total += s.N
	}
	return total > 0 && total == uint64(len(f.image))
}

// commitFirmware is Firmware Commit (Base, 5.12): 0 put the image into a slot, 1 and run it after
// the next reset, 2 run a slot after the next reset, 3 put and run at once.
func (c *Controller) commitFirmware(cmd *command) spec.Status {
	f, v := &c.firm, uint64(cmd.e.CDW10)
	slot, action := int(spec.FirmwareSlot.Get(v)), spec.FirmwareAction.Get(v)
	if slot > firmwareSlots {
		return cmd.blame(40, 0, spec.InvalidFirmwareSlot)
	}
	if action > 3 {
		return cmd.bad(40, 3) // no boot partitions
	}
	if slot == 0 { // the controller chooses: the slot after the one that runs
		slot = (f.Active+1)%firmwareSlots + 1
	}
	if action != 2 && len(f.image) > 0 || action < 2 {
		revision, ok := f.revision()
		f.image, f.pieces = nil, nil
		if !ok {
			return spec.InvalidFirmwareImage
		}
		f.Slots[slot-1] = revision
	}
	if f.Slots[slot-1] == "" {
		return spec.InvalidFirmwareImage
	}
	st := spec.Success
	switch action {
	case 1, 2:
		f.Next = slot
		st = spec.FirmwareNeedsControllerReset
	case 3:
		if c.feats.value[spec.FeatAsyncEvents]&spec.AsyncFirmware != 0 {
			c.raise(event{spec.EventNotice, spec.EventFirmware, spec.LogFirmware})
		}
		f.Next = slot
		f.activate()
	}
	c.save()
	return st
}

// revision is the name of the downloaded image.
func (f *firmware) revision() (string, bool) {
	if !f.whole() {
		return "", false
	}
	for _, b := range f.image[:8] {
		if b < 0x20 || b > 0x7e {
			return "", false
		}
	}
	s := strings.TrimRight(string(f.image[:8]), " ")
	return s, s != ""
}
