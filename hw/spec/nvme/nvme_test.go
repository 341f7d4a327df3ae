package nvme

import (
	"bytes"
	"reflect"
	"testing"
)

func TestTables(t *testing.T) {
	if err := Registers.Check(); err != nil {
		t.Fatal(err)
	}
	for i, s := range Statuses {
		if s.Section == "" || s.Name == "" || i > 0 && s.Code <= Statuses[i-1].Code {
			t.Errorf("row %d of Statuses: %+v", i, s)
		}
	}
	for _, rows := range [][]OpcodeRow{AdminOpcodes, NVMOpcodes} {
		for i, r := range rows {
			if r.Section == "" || r.Name == "" || i > 0 && r.Opcode <= rows[i-1].Opcode {
				t.Errorf("opcode row %+v", r)
			}
		}
	}
	for _, r := range Registers {
		var seen uint64
		for _, f := range r.Fields {
			if seen&f.Mask() != 0 {
				t.Errorf("%s.%s overlaps another field", r.Name, f.Name)
			}
			seen |= f.Mask()
		}
	}
}

func TestDoorbell(t *testing.T) {
	for _, c := range []struct {
		id     int
		cq     bool
		stride uint
		want   int
	}{{0, false, 0, 0x1000}, {0, true, 0, 0x1004}, {3, false, 0, 0x1018}, {3, true, 2, 0x1070}} {
		if got := Doorbell(c.id, c.cq, c.stride); got != c.want {
			t.Errorf("Doorbell(%d, %v, %d) = %#x, want %#x", c.id, c.cq, c.stride, got, c.want)
		}
	}
}

// The bytes are those Linux 6.12 puts on the wire for Create CQ 1 on vector 1 of 1024 entries.
func TestCommandLayout(t *testing.T) {
	c := Command{Opcode: CreateCQ, CID: 0x1234, PRP1: 0x1_0000_2000, CDW10: 0x3ff0001,
		CDW11: 0x10003}
	var p [SQELen]byte
	c.Encode(p[:])
	want := make([]byte, SQELen)
	copy(want, []byte{0x05, 0, 0x34, 0x12})
	copy(want[24:], []byte{0, 0x20, 0, 0, 1})
	copy(want[40:], []byte{1, 0, 0xff, 0x03, 3, 0, 1, 0})
	if !bytes.Equal(p[:], want) {
		t.Fatalf("% x", p)
	}
	if DecodeCommand(p[:]) != c {
		t.Fatal("decoding differs")
	}
}

func TestCompletionLayout(t *testing.T) {
	c := Completion{Result: 7, SQHD: 3, SQID: 2, CID: 9, Phase: true, Status: InvalidQueueID | DNR}
	var p [CQELen]byte
	c.Encode(p[:])
	if want := []byte{7, 0, 0, 0, 0, 0, 0, 0, 3, 0, 2, 0, 9, 0, 0x03, 0x82}; !bytes.Equal(p[:],
		want) {
		t.Fatalf("% x", p)
	}
	if DecodeCompletion(p[:]) != c {
		t.Fatal("decoding differs")
	}
}

// distinct fills every number of a structure with its own value, within what its bytes hold, so
// that a field that lands on another's place is seen.
func distinct(v reflect.Value, n *uint64) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			distinct(v.Field(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			distinct(v.Index(i), n)
		}
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		*n++
		v.SetUint(*n % 251)
	case reflect.Bool:
		v.SetBool(true)
	}
}

// structures of the tables, with how they are written and read back.
func TestStructuresRoundTrip(t *testing.T) {
	p := make([]byte, IdentifyLen)
	n := uint64(1)
	var c Controller
	distinct(reflect.ValueOf(&c).Elem(), &n)
	c.Serial, c.Model, c.Firmware, c.SUBNQN = "S1", "M", "F", "nqn"
	for i := range c.Power {
		c.Power[i].IdleScale &= 3
	}
	c.Encode(p)
	if got := DecodeController(p); !reflect.DeepEqual(got, c) {
		t.Errorf("%+v\n%+v", got, c)
	}
	var ns Namespace
	distinct(reflect.ValueOf(&ns).Elem(), &n)
	for i := range ns.RP {
		ns.RP[i] &= 3
	}
	ns.Encode(p)
	if got := DecodeNamespace(p); !reflect.DeepEqual(got, ns) || p[25] != 15 {
		t.Errorf("%+v\n%+v", got, ns)
	}
	var l Limits
	distinct(reflect.ValueOf(&l).Elem(), &n)
	l.Encode(p)
	if got := DecodeLimits(p); got != l {
		t.Errorf("%+v", got)
	}
	var s SMART
	distinct(reflect.ValueOf(&s).Elem(), &n)
	s.Encode(p)
	if got := DecodeSMART(p); got != s {
		t.Errorf("%+v", got)
	}
	var e ErrorEntry
	distinct(reflect.ValueOf(&e).Elem(), &n)
	e.NoPlace, e.Bit = false, e.Bit&7
	e.Encode(p)
	if got := DecodeErrorEntry(p); got != e {
		t.Errorf("%+v", got)
	}
	d := SGL{Addr: 0x123456789a, Len: 77, Type: SGLLastSegment, Subtype: 1}
	d.Encode(p)
	var cmd Command
	cmd.SetSGL1(d)
	if DecodeSGL(p) != d || cmd.SGL1() != d || FlagPSDT.Get(uint64(cmd.Flags)) != PSDTSGL {
		t.Errorf("%+v %+v", DecodeSGL(p), cmd)
	}
}

// Offsets of the Identify structures as the figures of the standard give them.
func TestIdentifyOffsets(t *testing.T) {
	p := make([]byte, IdentifyLen)
	c := Controller{RAB: 1, OACS: 0x100, UNVMCAP: 1 << 40, KAS: 7, SANICAP: 6, ONCS: 0x1ff, OCFS: 1,
		SGLS: 5, MNAN: 9}
	c.Encode(p)
	for off, want := range map[int]byte{72: 1, 257: 1, 301: 1, 320: 7, 328: 6, 520: 0xff, 534: 1,
		536: 5, 540: 9} {
		if p[off] != want {
			t.Errorf("byte %d of Identify Controller is %#x, not %#x", off, p[off], want)
		}
	}
	n := Namespace{FPI: 0x80, DLFEAT: 9, NVMCAP: 1, MSSRL: 2, MCL: 3, MSRC: 4, NSATTR: 1}
	n.Encode(p)
	for off, want := range map[int]byte{32: 0x80, 33: 9, 48: 1, 74: 2, 76: 3, 80: 4, 99: 1} {
		if p[off] != want {
			t.Errorf("byte %d of Identify Namespace is %#x, not %#x", off, p[off], want)
		}
	}
}

func TestRowsAreFound(t *testing.T) {
	for i, r := range Features {
		if r.Section == "" || i > 0 && r.ID <= Features[i-1].ID ||
			FindFeature(r.ID) != &Features[i] {
			t.Errorf("%+v", r)
		}
		if r.Default&^r.Bits != 0 && r.ID != FeatAPST {
			t.Errorf("%s: default %#x has bits that cannot be set", r.Name, r.Default)
		}
	}
	for i, r := range Logs {
		if r.Section == "" || i > 0 && r.ID <= Logs[i-1].ID || FindLog(r.ID) != &Logs[i] {
			t.Errorf("%+v", r)
		}
	}
	for _, r := range Statuses {
		if st, ok := FindStatus(r.Name); !ok || st != r.Code {
			t.Errorf("%+v is not found", r)
		}
	}
	if st, ok := FindStatus("281"); !ok || st != UnrecoveredRead {
		t.Error(st)
	}
	if _, ok := FindStatus("fff"); ok {
		t.Error("a status of 12 bits")
	}
}

func TestStatusString(t *testing.T) {
	if s := (InvalidQueueID | DNR).String(); s != "Invalid Queue Identifier (101h)" {
		t.Fatal(s)
	}
	if s := Status(0x7ff).String(); s != "status 7ffh" {
		t.Fatal(s)
	}
}

func FuzzEntries(f *testing.F) {
	f.Add(make([]byte, SQELen))
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) < SQELen {
			return
		}
		c := DecodeCommand(p)
		var q [SQELen]byte
		c.Encode(q[:])
		if !bytes.Equal(p[:SQELen], q[:]) {
			t.Fatal("command does not round trip")
		}
		e := DecodeCompletion(p)
		e.Encode(q[:])
		if !bytes.Equal(p[:CQELen], q[:CQELen]) {
			t.Fatal("completion does not round trip")
		}
	})
}
