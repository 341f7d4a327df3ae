package pcie

import "fmt"

// Generation is a row of the table of link speeds.
type Generation struct {
	Number     int
	Transfers  uint64 // transfers a second and lane, = bits on the wire
	Code, Line uint64 // of Line bits on the wire Code are payload of the physical layer
	AckCut     int    // symbol times that the Ack and FC limits are below those of Gen3
	Flit       bool   // flit mode: no framing, sequence number nor LCRC of each TLP
}

// Generations lists the link speeds. Source: PCIe 5.0, 4.2.1 and 4.2.2; pcie-bench model/pcie.py.
// Gen6 and Gen7 send flits of 256 bytes, 242 of them TLPs and data link packets: the rate is
// pcie-bench's, the rest of their row recalled [R].
var Generations = [...]Generation{
	{1, 2_500_000_000, 8, 10, 96, false},
	{2, 5_000_000_000, 8, 10, 45, false},
	{3, 8_000_000_000, 128, 130, 0, false},
	{4, 16_000_000_000, 128, 130, 0, false},
	{5, 32_000_000_000, 128, 130, 0, false},
	{6, 64_000_000_000, 242, 256, 0, true},
	{7, 128_000_000_000, 242, 256, 0, true},
}

// Bytes of a flit [R]: TLPs, data link packets (Ack, Nak and credits ride there), CRC 8, FEC 6.
const (
	FlitLen  = 256
	FlitTLP  = 236
	FlitDLP  = 6
	FlitCode = FlitTLP + FlitDLP // what the row of Generations counts
)

// ackLimit gives the recommended spacing of Ack and of flow-control DLLPs in symbol times, by
// width and maximum payload, at Gen3 and above. The dip at x8 from 256 to 512 is the
// specification's own. Source: PCIe 5.0 tables 2-46 to 2-48 and 3-7 to 3-9, by pcie-bench.
var ackLimit = map[int][6]int{ // MPS 128, 256, 512, 1024, 2048, 4096
	1:  {333, 512, 655, 1167, 2191, 4239},
	2:  {224, 313, 385, 641, 1153, 2177},
	4:  {169, 214, 250, 378, 634, 1146},
	8:  {163, 203, 182, 246, 374, 630},
	16: {144, 168, 182, 246, 374, 630},
}

// Bytes on the wire around a payload. Source: pcie-bench; PCIe 5.0, 2.2 and 3.6.
const (
	Framing    = 8  // framing, sequence number, LCRC
	Header     = 4  // the part of the header that all types share
	OverheadMW = 24 // MWr and MRd with a 64-bit address
	Overhead32 = 20 // the same with a 32-bit address
	OverheadC  = 20 // completions, and configuration requests of 3 dwords
	DLLP       = 8
	Skip       = 4    // bytes of a SKIP ordered set,
	SkipEvery  = 1538 // sent this often
	RCB        = 64   // read completion boundary
)

// Form is the length class of a TLP's header.
type Form uint8

// Forms.
const (
	Memory64 Form = iota // MWr and MRd with a 64-bit address
	Memory32             // the same with a 32-bit address
	Short                // completions and configuration requests: 3 dwords
	Forms    = 3
)

var overheads = [Forms]int{Memory64: OverheadMW, Memory32: Overhead32, Short: OverheadC}

// Overhead is the number of bytes on the wire around the payload of a TLP. Flits carry the header
// alone [R]: 16 bytes with a 64-bit address, else 12.
func (l Link) Overhead(f Form) int {
	if Generations[l.Gen-1].Flit {
		return overheads[f] - Framing
	}
	return overheads[f]
}

// Link is a link as trained.
type Link struct {
	Gen   int // 1 to 7
	Lanes int // 1, 2, 4, 8, 16
	MPS   int // maximum payload, bytes
	MRRS  int // maximum read request, bytes
}

// Check reports a link that the standard does not have.
func (l Link) Check() error {
	if l.Gen < 1 || l.Gen > len(Generations) {
		return fmt.Errorf("PCIe generation %d is not modelled (1 to %d are)", l.Gen,
			len(Generations))
	}
	if _, ok := ackLimit[l.Lanes]; !ok {
		return fmt.Errorf("a PCIe link has 1, 2, 4, 8 or 16 lanes, not %d", l.Lanes)
	}
	if SizeCode(l.MPS) < 0 || SizeCode(l.MRRS) < 0 {
		return fmt.Errorf("MPS %d and MRRS %d must be powers of two from 128 to 4096",
			l.MPS, l.MRRS)
	}
	return nil
}

// SizeCode is the encoding of an MPS or MRRS in Device Control; -1 if there is none.
func SizeCode(n int) int {
	for code := range 6 {
		if n == 128<<code {
			return code
		}
	}
	return -1
}

// Raw is the physical rate in bytes a second.
func (l Link) Raw() float64 {
	g := Generations[l.Gen-1]
	return float64(g.Transfers) * float64(l.Lanes) * float64(g.Code) / float64(g.Line) / 8
}

// TLPRate is the rate left for TLPs in bytes a second. share is the part of the recommended Ack
// and flow-control traffic that the link really sends: 1 by the letter of the specification. In
// flit mode that traffic has its own bytes, whatever the share.
func (l Link) TLPRate(share float64) float64 {
	g := Generations[l.Gen-1]
	if g.Flit {
		return l.Raw() * FlitTLP / FlitCode
	}
	limit := float64(ackLimit[l.Lanes][SizeCode(l.MPS)] - g.AckCut)
	return l.Raw() * (1 - share*2*DLLP/limit - float64(Skip)/SkipEvery)
}

// AckLimit is the recommended longest wait for an Ack, in picoseconds: symbol times of the table, a
// byte of each lane. Flits are acknowledged one by one.
func (l Link) AckLimit() int64 {
	g := Generations[l.Gen-1]
	symbols := ackLimit[l.Lanes][SizeCode(l.MPS)] - g.AckCut
	if g.Flit {
		symbols = FlitLen / l.Lanes
	}
	return int64(float64(symbols*l.Lanes) / l.Raw() * 1e12)
}

// WriteRate is the payload rate of large writes with 64-bit addresses, one way.
func (l Link) WriteRate(share float64) float64 {
	return l.TLPRate(share) * float64(l.MPS) / float64(l.MPS+l.Overhead(Memory64))
}

// ReadRate is the payload rate of large reads completed in pieces of MPS.
func (l Link) ReadRate(share float64) float64 {
	return l.TLPRate(share) * float64(l.MPS) / float64(l.MPS+l.Overhead(Short))
}

// AckShare is the part of the recommended Ack and flow-control DLLPs that parts of a generation
// are seen to send. Gen4 GPUs land on the guideline (26.34 GB/s, NVIDIA/nvbandwidth issue 50);
// Gen5 parts coalesce: 55.6-56.6 GB/s against 52 modelled (xnvme/aisio pcie_saturation.md,
// voipmonitor/rtx6kpro), which a share of 0.3 to 0.5 gives. A fit, and validated as one.
func AckShare(gen int) float64 {
	if gen >= 5 {
		return 0.4
	}
	return 1
}
