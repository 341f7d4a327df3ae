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

func TestIdentifyRoundTrip(t *testing.T) {
	c := Controller{VID: 0x144d, SSVID: 1, Serial: "S1", Model: "M", Firmware: "F", MDTS: 7,
		CNTLID:  1,
		Version: Version20, OAES: 0x100, CNTRLTYPE: 1, OACS: 8, ACL: 3, AERL: 3, FRMW: 2, LPA: 6,
		ELPE:   7,
		WCTEMP: 343, CCTEMP: 353, SQES: 0x66, CQES: 0x44, NN: 1, ONCS: 0xc, VWC: 1, SGLS: 1,
		SUBNQN: "nqn"}
	p := make([]byte, IdentifyLen)
	c.Encode(p)
	if got := DecodeController(p); !reflect.DeepEqual(got, c) {
		t.Fatalf("%+v", got)
	}
	n := Namespace{Size: 1 << 20, Capacity: 1 << 20, Used: 5, FLBAS: 1, NGUID: [16]byte{1, 2},
		EUI64: [8]byte{3}}
	n.LBADS[0], n.LBADS[1] = 9, 12
	n.Encode(p)
	if got := DecodeNamespace(p); !reflect.DeepEqual(got, n) || got.BlockShift() != 12 ||
		p[25] != 1 {
		t.Fatalf("%+v", got)
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
