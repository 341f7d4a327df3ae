package tap

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"tensoros/traces"
)

// TapeOp is what happened between a device and the peer that drives it.
type TapeOp uint8

// Ops of a tape: first what the peer did, then what the device did.
const (
	TapeRead      TapeOp = iota // the peer reads a region
	TapeWrite                   // the peer writes a region
	TapeReset                   // function level reset
	TapeArm                     // vector Off is delivered from now on if Size is 1
	TapeMap                     // memory at Off, Size bytes
	TapeUnmap                   // is gone
	TapeLeave                   // the peer has left
	TapeAnswer                  // the device answers the read
	TapeLoad                    // the device reads memory at Off; Data is what it gets
	TapeStore                   // the device writes memory at Off
	TapeInterrupt               // the device raises vector Off
	TapeEnd                     // of the tape
	tapeOps
)

var tapeNames = [tapeOps]string{"read", "write", "reset", "arm", "map", "unmap", "leave",
	"answer", "load", "store", "interrupt", "end"}

func (o TapeOp) String() string { return tapeNames[o] }

// Peer reports whether the op is the peer's; the others are the device's.
func (o TapeOp) Peer() bool { return o <= TapeLeave }

// TapeEvent is an event of a tape.
type TapeEvent struct {
	At     traces.Time // of the device, ps
	Op     TapeOp
	Region int // of Read and Write, as VFIO numbers them
	Off    uint64
	Size   uint64
	Data   []byte
}

func (e *TapeEvent) String() string {
	s := fmt.Sprintf("%v %v", e.At, e.Op)
	switch e.Op {
	case TapeRead, TapeWrite, TapeAnswer:
		s += fmt.Sprintf(" region %d+%#x, %d bytes %.32x", e.Region, e.Off, e.Size, e.Data)
	case TapeLoad, TapeStore:
		s += fmt.Sprintf(" memory %#x, %d bytes %.32x", e.Off, e.Size, e.Data)
	case TapeMap, TapeUnmap:
		s += fmt.Sprintf(" memory %#x, %#x bytes", e.Off, e.Size)
	case TapeArm, TapeInterrupt:
		s += fmt.Sprintf(" vector %d", e.Off)
	}
	return s
}

// Same reports whether two events say the same, data included.
func (e *TapeEvent) Same(g *TapeEvent) bool {
	return e.At == g.At && e.Op == g.Op && e.Region == g.Region && e.Off == g.Off &&
		e.Size == g.Size && bytes.Equal(e.Data, g.Data)
}

// A tape is tapeMagic, a version byte, the length and text of what says how to build the device,
// then events: op, region, the time since the event before, offset, size and length of data as
// varints, data. It ends with a TapeEnd and the CRC-32 of everything before it.
const (
	tapeMagic   = "TOSTAPE"
	tapeVersion = 1
	tapeMost    = 1 << 24 // bytes of data in an event, or of the text
)

// Tape records. Errors are sticky and told by Close.
type Tape struct {
	w    *bufio.Writer
	sum  uint32
	last traces.Time
	buf  []byte
	err  error
	// Events is how many have been recorded.
	Events uint64
}

// NewTape starts a tape; device says how to build the device again.
func NewTape(w io.Writer, device string) *Tape {
	t := &Tape{w: bufio.NewWriterSize(w, 1<<16)}
	t.write(append([]byte(tapeMagic), tapeVersion))
	t.write(binary.AppendUvarint(nil, uint64(len(device))))
	t.write([]byte(device))
	return t
}

func (t *Tape) write(p []byte) {
	t.sum = crc32.Update(t.sum, crc32.IEEETable, p)
	if _, err := t.w.Write(p); err != nil && t.err == nil {
		t.err = err
	}
}

// Event appends an event. A nil tape records nothing.
func (t *Tape) Event(e *TapeEvent) {
	if t == nil {
		return
	}
	t.Events++
	p := append(t.buf[:0], byte(e.Op), byte(e.Region))
	for _, v := range [...]uint64{uint64(e.At - t.last), e.Off, e.Size, uint64(len(e.Data))} {
		p = binary.AppendUvarint(p, v)
	}
	t.buf, t.last = p, e.At
	t.write(p)
	t.write(e.Data)
}

// Close ends the tape at time at. It does not close the writer.
func (t *Tape) Close(at traces.Time) error {
	t.Event(&TapeEvent{At: at, Op: TapeEnd})
	if _, err := t.w.Write(binary.LittleEndian.AppendUint32(nil, t.sum)); err != nil &&
		t.err == nil {
		t.err = err
	}
	return errors.Join(t.err, t.w.Flush())
}

// TapeReader reads a tape.
type TapeReader struct {
	// Device is what NewTape was given.
	Device string

	r    *bufio.Reader
	sum  uint32
	at   int64 // byte offset, for messages
	last traces.Time
	done bool
	one  [1]byte
}

// OpenTape reads the head of a tape.
func OpenTape(r io.Reader) (*TapeReader, error) {
	t := &TapeReader{r: bufio.NewReaderSize(r, 1<<16)}
	head := make([]byte, len(tapeMagic)+1)
	if err := t.read(head); err != nil || string(head[:len(tapeMagic)]) != tapeMagic {
		return nil, fmt.Errorf("tape: this is no tape: it does not start with %q", tapeMagic)
	}
	if v := head[len(tapeMagic)]; v != tapeVersion {
		return nil, fmt.Errorf("tape: version %d; this program reads %d", v, tapeVersion)
	}
	n, err := binary.ReadUvarint(t)
	if err != nil || n > tapeMost {
		return nil, t.bad("length of the device's text", err)
	}
	text := make([]byte, n)
	if err := t.read(text); err != nil {
		return nil, t.bad("the device's text", err)
	}
	t.Device = string(text)
	return t, nil
}

func (t *TapeReader) bad(what string, err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("tape: byte %d: the tape ends within %s: was its recording cut short?",
			t.at, what)
	case err != nil:
		return fmt.Errorf("tape: byte %d: %s: %w", t.at, what, err)
	}
	return fmt.Errorf("tape: byte %d: %s is out of range", t.at, what)
}

func (t *TapeReader) read(p []byte) error {
	n, err := io.ReadFull(t.r, p)
	t.at += int64(n)
	t.sum = crc32.Update(t.sum, crc32.IEEETable, p[:n])
	return err
}

// ReadByte makes a TapeReader an io.ByteReader.
func (t *TapeReader) ReadByte() (byte, error) {
	err := t.read(t.one[:])
	return t.one[0], err
}

// Next reads an event; io.EOF follows the TapeEnd. Data is the event's own.
func (t *TapeReader) Next() (e TapeEvent, err error) {
	if t.done {
		return e, io.EOF
	}
	var head [2]byte
	if err := t.read(head[:]); err != nil {
		return e, t.bad("an event", err)
	}
	e.Op, e.Region = TapeOp(head[0]), int(head[1])
	if e.Op >= tapeOps {
		return e, t.bad(fmt.Sprintf("op %d", e.Op), nil)
	}
	var v [4]uint64
	for i := range v {
		if v[i], err = binary.ReadUvarint(t); err != nil {
			return e, t.bad("an event", err)
		}
	}
	e.At, e.Off, e.Size = t.last+traces.Time(v[0]), v[1], v[2]
	if e.At < t.last || v[3] > tapeMost {
		return e, t.bad("time or length of an event", nil)
	}
	t.last = e.At
	if v[3] > 0 {
		e.Data = make([]byte, v[3])
		if err := t.read(e.Data); err != nil {
			return e, t.bad("the data of an event", err)
		}
	}
	if e.Op == TapeEnd {
		return e, t.finish()
	}
	return e, nil
}

func (t *TapeReader) finish() error {
	t.done = true
	want := t.sum
	var p [4]byte
	if err := t.read(p[:]); err != nil {
		return t.bad("the checksum", err)
	}
	if got := binary.LittleEndian.Uint32(p[:]); got != want {
		return fmt.Errorf(
			"tape: checksum %#x does not match the contents (%#x): the file is damaged",
			got, want)
	}
	return nil
}
