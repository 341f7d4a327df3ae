package nvme

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
)

// state is what survives power beside the contents of the medium.
type state struct {
	Size      uint64 // of the store
	Model     string
	Spaces    []namespace
	Made      uint64
	Features  map[uint8]uint32
	Firmware  firmware
	Tests     []testResult
	Sanitize  sanitize
	Counters  counters
	Errors    uint64
	Timestamp uint64
	Wear      []byte    `json:",omitempty"` // erase counts of the blocks: see packWear
	Flash     FTLCounts // in all lives
}

// stateFile is how it is stored: the sum is over the bytes of State.
type stateFile struct {
	Format string
	Sum    uint32
	State  json.RawMessage
}

// stateFormat names the format and its version.
const stateFormat = "tensoros nvme state 1"

// save stores the state, if the store keeps one. Failure is told as a finding: the drive goes on.
func (c *Controller) save() {
	d, ok := c.Store.(Durable)
	if !ok {
		return
	}
	s := state{Size: c.Store.Size(), Model: c.Profile.Name, Made: c.spaces.made,
		Features: c.feats.saved, Firmware: c.firm, Tests: c.test.Results, Sanitize: c.sanitize,
		Counters: c.smart, Errors: c.errors.count, Wear: packWear(c.flash.ftl.erases()),
		Flash: c.flash.ftl.FTLCounts}
	s.Counters.On += c.eng.Now()
	for _, n := range c.spaces.all {
		if n != nil {
			s.Spaces = append(s.Spaces, *n)
		}
	}
	p, err := encodeState(&s)
	if err == nil {
		err = d.Save(p)
	}
	if err != nil {
		c.find("NVME-STATE", "the state of the drive is not saved: %v", err)
	}
}

func encodeState(s *state) ([]byte, error) {
	p, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return json.Marshal(stateFile{stateFormat, crc32.ChecksumIEEE(p), p})
}

func decodeState(p []byte) (s state, err error) {
	var f stateFile
	if err := json.Unmarshal(p, &f); err != nil {
		return s, fmt.Errorf("the state of the drive is damaged: %w", err)
	}
	switch {
	case f.Format != stateFormat:
		return s, fmt.Errorf("the state of the drive has format %q; this is %q", f.Format,
			stateFormat)
	case crc32.ChecksumIEEE(f.State) != f.Sum:
		return s, fmt.Errorf("the state of the drive is damaged: its sum is %08x, not %08x",
			crc32.ChecksumIEEE(f.State), f.Sum)
	}
	if err := unmarshalState(f.State, &s); err != nil {
		return s, err
	}
	return s, s.check()
}

func unmarshalState(p []byte, s *state) error {
	if err := json.Unmarshal(p, s); err != nil {
		return fmt.Errorf("the state of the drive is damaged: %w", err)
	}
	return nil
}

// check reports a state that no drive can be in.
func (s *state) check() error {
	ids := map[uint32]bool{}
	for i := range s.Spaces {
		n := &s.Spaces[i]
		switch {
		case n.ID == 0 || n.ID > maxSpaces || ids[n.ID]:
			return fmt.Errorf("the state of the drive names namespace %d twice or not at all", n.ID)
		case int(n.Format) >= len(formats):
			return fmt.Errorf("the state of the drive: namespace %d has format %d", n.ID, n.Format)
		case n.Base > s.Size || n.Bytes > s.Size-n.Base || n.Blocks == 0 ||
			n.Blocks > n.Bytes>>formats[n.Format].shift:
			return fmt.Errorf("the state of the drive: namespace %d lies outside of it", n.ID)
		}
		ids[n.ID] = true
	}
	if a := s.Firmware.Active; a < 0 || a >= firmwareSlots || s.Firmware.Slots[a] == "" ||
		s.Firmware.Next < 0 || s.Firmware.Next > firmwareSlots {
		return fmt.Errorf("the state of the drive: firmware slot %d runs", s.Firmware.Active+1)
	}
	return nil
}

// restore brings the drive into the state it was left in, or into that of a new one.
func (c *Controller) restore() error {
	c.spaces.first(c)
	c.firm.Slots[0] = "1"
	var p []byte
	d, ok := c.Store.(Durable)
	if ok {
		var err error
		if p, err = d.Load(); err != nil {
			return err
		}
	}
	if p == nil {
		c.smart.boot()
		return nil
	}
	s, err := decodeState(p)
	if err != nil {
		return fmt.Errorf("%w: remove the file %q beside the image to begin anew", err,
			"*"+StateSuffix)
	}
	if s.Size != c.Store.Size() {
		return fmt.Errorf("the state of the drive is of one of %d bytes, the store has %d: remove "+
			"the file %q beside the image to begin anew", s.Size, c.Store.Size(), "*"+StateSuffix)
	}
	c.spaces = spaces{made: s.Made}
	for _, n := range s.Spaces {
		n.shift = formats[n.Format].shift
		if n.Protect == protectUntilBoot {
			n.Protect = protectOff
		}
		if !n.Reserved.Keep {
			n.Reserved = reservation{Generation: n.Reserved.Generation}
		}
		c.spaces.all[n.ID-1] = &n
	}
	c.feats.saved, c.firm, c.test.Results = s.Features, s.Firmware, s.Tests
	c.sanitize, c.smart, c.errors.count = s.Sanitize, s.Counters, s.Errors
	c.flash.ftl.FTLCounts = s.Flash
	c.flash.ftl.Retired = 0
	c.flash.ftl.restore(unpackWear(s.Wear))
	c.smart.boot()
	switch c.sanitize.Status {
	case sanitizeRunning: // it begins anew
		c.sanitize.guard = true
		c.sanitize.run(c, eraseTime)
	case sanitizeFailed:
		c.sanitize.guard = true
	}
	return nil
}

// packWear writes erase counts as runs: how many blocks, and their count, each a varint.
func packWear(list []uint32) (p []byte) {
	for i := 0; i < len(list); {
		n := 1
		for i+n < len(list) && list[i+n] == list[i] {
			n++
		}
		p = binary.AppendUvarint(binary.AppendUvarint(p, uint64(n)), uint64(list[i]))
		i += n
	}
	return p
}

// unpackWear reads them back; what is damaged ends the list.
func unpackWear(p []byte) (list []uint32) {
	const most = 1 << 22 // blocks of a drive
	for len(p) > 0 {
		n, k := binary.Uvarint(p)
		if k <= 0 || n > uint64(most-len(list)) {
			return nil
		}
		v, m := binary.Uvarint(p[k:])
		if m <= 0 || v > 1<<32-1 {
			return nil
		}
		p = p[k+m:]
		for range n {
			list = append(list, uint32(v))
		}
	}
	return list
}
