package nvme

import (
	"encoding/binary"
	"slices"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// maxSpaces is NN: namespaces that can be, and the largest NSID [D].
const maxSpaces = 32

// formats are the LBA formats: log2 of the block size. 4 KiB blocks are said to perform best.
var formats = []struct{ shift, performance uint8 }{{9, 1}, {12, 0}}

func formatOf(shift uint8) uint8 {
	for i := range formats {
		if formats[i].shift == shift {
			return uint8(i)
		}
	}
	panic("nvme: blocks of a size that is no format")
}

// stretch is bytes of the store.
type stretch struct{ At, N uint64 }

func (s stretch) end() uint64 { return s.At + s.N }

// namespace is a piece of the store. Its exported fields are what survives a restart.
type namespace struct {
	ID       uint32
	Base     uint64 // in the store
	Bytes    uint64
	Blocks   uint64
	Format   uint8
	Attached bool
	Recovery uint32 // feature 05h
	Protect  uint32 // feature 84h
	Serial   uint64 // of all that were ever made: what makes NGUID unique
	Reserved reservation
	Bad      []stretch // what Write Uncorrectable spoiled, in order and apart

	shift                uint8
	formatting           bool
	formatFrom, formatTo sim.Time
}

// Values of namespace write protection (Base, 5.27.1.30).
const (
	protectOff       = 0
	protectOn        = 1
	protectUntilBoot = 2
	protectForever   = 3
)

func (n *namespace) protected() bool { return n.Protect != protectOff }

func (n *namespace) inRange(lba, blocks uint64) bool {
	return lba < n.Blocks && blocks <= n.Blocks-lba
}

// spoiled reports whether a stretch holds an unreadable block.
func (n *namespace) spoiled(at uint64, size int) bool {
	if len(n.Bad) == 0 {
		return false
	}
	i, _ := slices.BinarySearchFunc(n.Bad, at, func(s stretch, at uint64) int {
		if s.end() <= at {
			return -1
		}
		return 1
	})
	return i < len(n.Bad) && n.Bad[i].At < at+uint64(size)
}

// mend takes a stretch out of what is unreadable.
func (n *namespace) mend(at, size uint64) {
	if len(n.Bad) == 0 {
		return
	}
	var left []stretch
	for _, s := range n.Bad {
		if s.end() <= at || s.At >= at+size {
			left = append(left, s)
			continue
		}
		if s.At < at {
			left = append(left, stretch{s.At, at - s.At})
		}
		if s.end() > at+size {
			left = append(left, stretch{at + size, s.end() - at - size})
		}
	}
	n.Bad = left
}

// spoil adds a stretch to what is unreadable.
func (n *namespace) spoil(at, size uint64) {
	n.mend(at, size)
	i, _ := slices.BinarySearchFunc(n.Bad, at, func(s stretch, at uint64) int {
		if s.At < at {
			return -1
		}
		return 1
	})
	n.Bad = slices.Insert(n.Bad, i, stretch{at, size})
}

// spaces are the namespaces by NSID - 1, and what has been told of their changes.
type spaces struct {
	all     [maxSpaces]*namespace
	made    uint64
	changed []uint32 // NSIDs for the Changed Namespace List
	many    bool     // more than the list holds
}

// get is an allocated namespace, or nil.
func (s *spaces) get(id uint32) *namespace {
	if id == 0 || id > maxSpaces {
		return nil
	}
	return s.all[id-1]
}

// active is a namespace that is attached, or nil.
func (s *spaces) active(id uint32) *namespace {
	if n := s.get(id); n != nil && n.Attached {
		return n
	}
	return nil
}

// first makes the namespace that a new drive has: all of it.
func (s *spaces) first(c *Controller) {
	*s = spaces{}
	shift := c.Profile.BlockShift
	blocks := c.Store.Size() >> shift
	n := s.add(1, 0, blocks, formatOf(shift))
	n.Attached = true
}

func (s *spaces) add(id uint32, base, blocks uint64, format uint8) *namespace {
	s.made++
	shift := formats[format].shift
	n := &namespace{ID: id, Base: base, Blocks: blocks, Bytes: blocks << shift, Format: format,
		shift: shift, Serial: s.made}
	s.all[id-1] = n
	return n
}

// taken are the pieces of the store in use, in order.
func (s *spaces) taken() []stretch {
	var t []stretch
	for _, n := range s.all {
		if n != nil {
			t = append(t, stretch{n.Base, n.Bytes})
		}
	}
	slices.SortFunc(t, func(a, b stretch) int {
		if a.At < b.At {
			return -1
		}
		return 1
	})
	return t
}

func (s *spaces) unallocated(c *Controller) uint64 {
	left := c.Store.Size() &^ (spaceUnit - 1)
	for _, t := range s.taken() {
		left -= min(left, t.N)
	}
	return left
}

// spaceUnit is what namespaces are aligned to in the store: the larger block.
const spaceUnit = 4096

// hole finds room for size bytes: the first that is large enough. A namespace lies in one piece.
func (s *spaces) hole(c *Controller, size uint64) (uint64, bool) {
	at := uint64(0)
	for _, t := range s.taken() {
		if t.At-at >= size {
			return at, true
		}
		at = (t.end() + spaceUnit - 1) &^ (spaceUnit - 1)
	}
	return at, at <= c.Store.Size() && c.Store.Size()-at >= size
}

func (c *Controller) manageSize(cmd *command) (int, spec.Status) {
	if spec.ManageSelect.Get(uint64(cmd.e.CDW10)) == 0 {
		return spec.IdentifyLen, spec.Success
	}
	return 0, spec.Success
}

// manage is Namespace Management: create from the host's Identify structure, or delete.
func (c *Controller) manage(cmd *command) spec.Status {
	switch spec.ManageSelect.Get(uint64(cmd.e.CDW10)) {
	case 0:
		return c.createSpace(cmd)
	case 1:
		return c.deleteSpace(cmd)
	}
	return cmd.bad(40, 0)
}

func (c *Controller) createSpace(cmd *command) spec.Status {
	want := spec.DecodeNamespace(cmd.data)
	switch {
	case spec.ManageCSI.Get(uint64(cmd.e.CDW11)) != spec.CSINVM:
		return cmd.blame(44, 0, spec.CommandSetUnsupported)
	case int(want.FLBAS&0xf) >= len(formats) || want.FLBAS&0xf0 != 0 || want.DPS != 0:
		return spec.InvalidFormat
	case want.NMIC != 0:
		return spec.InvalidField // one controller: nothing to share with
	case want.Size == 0 || want.Size > c.Store.Size()>>formats[want.FLBAS].shift:
		if want.Size == 0 {
			return spec.InvalidField
		}
		return spec.InsufficientCapacity
	case want.Capacity != want.Size:
		return spec.ThinUnsupported
	}
	id := slices.Index(c.spaces.all[:], nil) + 1
	if id == 0 {
		return spec.NSIDUnavailable
	}
	base, ok := c.spaces.hole(c, want.Size<<formats[want.FLBAS].shift)
	if !ok {
		left := c.spaces.unallocated(c)
		c.errors.specific = left
		return spec.InsufficientCapacity
	}
	n := c.spaces.add(uint32(id), base, want.Size, want.FLBAS)
	if c.clear(n.Base, n.Bytes) != nil { // what was deleted there before is gone
		c.spaces.all[id-1] = nil
		return spec.WriteFault
	}
	cmd.result = uint32(id)
	c.save()
	return spec.Success
}

func (c *Controller) deleteSpace(cmd *command) spec.Status {
	id := cmd.e.NSID
	if id == spec.AllNamespaces {
		for i := range c.spaces.all {
			c.removeSpace(uint32(i + 1))
		}
		c.save()
		return spec.Success
	}
	if id == 0 || id > maxSpaces {
		return cmd.blame(4, 0, spec.InvalidNamespace)
	}
	if c.spaces.get(id) == nil {
		return cmd.bad(4, 0)
	}
	c.removeSpace(id)
	c.save()
	return spec.Success
}

// removeSpace takes a namespace away. Its commands end as on a namespace that is not there.
func (c *Controller) removeSpace(id uint32) {
	n := c.spaces.get(id)
	if n == nil {
		return
	}
	c.spaces.all[id-1] = nil
	if n.Attached {
		c.abortSpace(n)
		c.noticeChange(id)
	}
}

// abortSpace ends what is under way on a namespace that is no longer attached.
func (c *Controller) abortSpace(n *namespace) {
	for _, cmd := range c.cmds.all {
		if cmd.sq != nil && cmd.ns == n && !cmd.dead {
			c.cut(cmd, spec.InvalidField|spec.DNR)
		}
	}
}

// noticeChange puts a namespace into the Changed Namespace List and tells of it.
func (c *Controller) noticeChange(id uint32) {
	s := &c.spaces
	if !slices.Contains(s.changed, id) {
		if len(s.changed) == spec.LogListLen/4 {
			s.many = true
		} else {
			s.changed = append(s.changed, id)
			slices.Sort(s.changed)
		}
	}
	if c.feats.value[spec.FeatAsyncEvents]&spec.AsyncNamespace != 0 {
		c.raise(event{spec.EventNotice, spec.EventNamespace, spec.LogNamespaces})
	}
}

// attach is Namespace Attachment. The data is a controller list: how many, then their ids.
func (c *Controller) attach(cmd *command) spec.Status {
	le := binary.LittleEndian
	id := cmd.e.NSID
	n := c.spaces.get(id)
	switch {
	case id == 0 || id == spec.AllNamespaces || id > maxSpaces:
		return cmd.blame(4, 0, spec.InvalidNamespace)
	case n == nil:
		return cmd.bad(4, 0)
	}
	count := le.Uint16(cmd.data)
	if count == 0 || count > 2047 {
		return spec.InvalidControllerList
	}
	for i := range int(count) {
		if le.Uint16(cmd.data[2+2*i:]) != controllerID {
			return spec.InvalidControllerList
		}
	}
	switch sel := spec.ManageSelect.Get(uint64(cmd.e.CDW10)); {
	case sel > 1:
		return cmd.bad(40, 0)
	case sel == 0 && n.Attached:
		return spec.AlreadyAttached
	case sel == 1 && !n.Attached:
		return spec.NotAttached
	}
	n.Attached = !n.Attached
	if !n.Attached {
		c.abortSpace(n)
	}
	c.noticeChange(id)
	c.save()
	return spec.Success
}

// formatTime is what a Format takes at least, and per TiB. No figure is published [D].
const (
	formatLeast = 500 * sim.Millisecond
	formatTiB   = 2 * sim.Second
)

// format is Format NVM, of one namespace or of all (FNA bits 0 and 1 are clear for one). User data
// and cryptographic erase come to the same: nothing of the old contents is left.
func (c *Controller) format(cmd *command) spec.Status {
	e := &cmd.e
	v := uint64(e.CDW10)
	lbaf := spec.FormatLBAF.Get(v)
	switch {
	case lbaf >= uint64(len(formats)) || spec.FormatLBAFU.Get(v) != 0:
		return cmd.blame(40, 0, spec.InvalidFormat)
	case spec.FormatPI.Get(v) != 0 || spec.FormatMSET.Get(v) != 0:
		return cmd.blame(40, 4, spec.InvalidFormat)
	case spec.FormatSES.Get(v) > 2:
		return cmd.bad(41, 1)
	case c.test.running():
		c.test.end(c, testAbortedByFormat)
	}
	var which []*namespace
	switch {
	case e.NSID == spec.AllNamespaces:
		for _, n := range c.spaces.all {
			if n != nil {
				which = append(which, n)
			}
		}
	case e.NSID == 0 || e.NSID > maxSpaces:
		return cmd.blame(4, 0, spec.InvalidNamespace)
	case c.spaces.get(e.NSID) == nil:
		return cmd.bad(4, 0)
	default:
		which = append(which, c.spaces.get(e.NSID))
	}
	total := uint64(0)
	for _, n := range which {
		switch {
		case n.formatting:
			return spec.FormatInProgress
		case n.protected():
			return spec.WriteProtected
		}
		total += n.Bytes
	}
	d := formatLeast + sim.Time(float64(formatTiB)*float64(total)/(1<<40))
	for _, n := range which {
		c.abortSpaceIO(n)
		n.formatting, n.formatFrom, n.formatTo = true, c.eng.Now(), c.eng.Now()+d
	}
	cmd.verb = formatEnds
	c.later(cmd, d, evStart)
	return held
}

// formatEnds runs when a Format's time is over.
var formatEnds = &verb{row: spec.FindOpcode(spec.FormatNVM, true),
	run: (*Controller).formatted}

// abortSpaceIO ends I/O commands of a namespace that is to be formatted.
func (c *Controller) abortSpaceIO(n *namespace) {
	for _, cmd := range c.cmds.all {
		if cmd.sq != nil && cmd.sq.id != 0 && cmd.ns == n && !cmd.dead {
			c.cut(cmd, spec.FormatInProgress)
		}
	}
}

func (c *Controller) formatted(cmd *command) spec.Status {
	lbaf := uint8(spec.FormatLBAF.Get(uint64(cmd.e.CDW10)))
	st := spec.Success
	for _, n := range c.spaces.all {
		if n == nil || !n.formatting || cmd.e.NSID != n.ID && cmd.e.NSID != spec.AllNamespaces {
			continue
		}
		n.formatting, n.Bad = false, nil
		n.Format, n.shift = lbaf, formats[lbaf].shift
		n.Blocks = n.Bytes >> n.shift
		if c.clear(n.Base, n.Bytes) != nil {
			st = spec.WriteFault
		}
		if n.Attached {
			c.noticeChange(n.ID)
		}
	}
	c.save()
	return st
}

// formatLeft is the Format Progress Indicator.
func (n *namespace) formatLeft(now sim.Time) uint8 {
	if !n.formatting {
		return 0x80
	}
	return 0x80 | uint8(100*(n.formatTo-now)/(n.formatTo-n.formatFrom))
}
