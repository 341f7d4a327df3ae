package gpu

// MW is a field of a multi-word integer, numbered as in the class headers: bit 0 of dword 0 first.
type MW struct{ Hi, Lo int }

// Get extracts the field from a descriptor; it is at most 64 bits long.
func (f MW) Get(p []byte) (v uint64) {
	for bit := f.Hi; bit >= f.Lo; bit-- {
		v = v<<1 | uint64(p[bit/8]>>(bit%8)&1)
	}
	return v
}

// Put stores v in the field; what does not fit is cut off.
func (f MW) Put(p []byte, v uint64) {
	for bit := f.Lo; bit <= f.Hi; bit++ {
		p[bit/8] = p[bit/8]&^(1<<(bit%8)) | byte(v&1)<<(bit%8)
		v >>= 1
	}
}

// Add is the field i strides further.
func (f MW) Add(bits int) MW { return MW{f.Hi + bits, f.Lo + bits} }

// None marks a field that a version does not have.
var None = MW{-1, 0}

// QMDLayout is where the fields of a launch descriptor lie.
// Sources: doc classes/compute/clc6c0qmd.h (v3), clcbc0qmd.h (v4).
type QMDLayout struct {
	Name          string
	Len           int // bytes
	Major         int
	MajorVersion  MW
	Type          MW // v4: 2 is a grid of CTAs
	Grid          [3]MW
	Block         [3]MW
	Registers     MW
	Barriers      MW
	Program       [2]MW // low, high
	Shared        MW    // bytes
	ConstAddr     [2]MW // of buffer 0; the next is ConstStride bits further
	ConstShift    int   // low address bits that are not stored
	ConstSize     MW    // in units of 16 bytes
	ConstValid    MW
	ConstStride   int
	ValidStride   int
	ReleaseAddr   [2]MW
	ReleaseValue  [2]MW
	ReleaseEnable MW
	ReleaseSize   MW // 0 four words with time, 1 one, 2 two
	Release64     MW
}

// QMDTypeGrid is the type of an ordinary launch.
const QMDTypeGrid = 2

// QMDv3 is the descriptor of GA100 and GA10x.
var QMDv3 = QMDLayout{
	Name: "QMD v3", Len: 256, Major: 3, MajorVersion: MW{583, 580}, Type: None,
	Grid:        [3]MW{{415, 384}, {431, 416}, {463, 448}},
	Block:       [3]MW{{607, 592}, {623, 608}, {639, 624}},
	Registers:   MW{656, 648},
	Barriers:    MW{767, 763},
	Program:     [2]MW{{1567, 1536}, {1584, 1568}},
	Shared:      MW{561, 544},
	ConstAddr:   [2]MW{{1055, 1024}, {1072, 1056}},
	ConstSize:   MW{1087, 1075},
	ConstValid:  MW{640, 640},
	ConstStride: 64, ValidStride: 1,
	ReleaseAddr:   [2]MW{{799, 768}, {807, 800}},
	ReleaseValue:  [2]MW{{863, 832}, {895, 864}},
	ReleaseEnable: MW{823, 823},
	ReleaseSize:   MW{831, 830},
	Release64:     MW{829, 829},
}

// QMDv4 is the descriptor of Hopper.
var QMDv4 = QMDLayout{
	Name: "QMD v4", Len: 384, Major: 4, MajorVersion: MW{583, 580}, Type: MW{25, 23},
	Grid:       [3]MW{{1055, 1024}, {1071, 1056}, {1103, 1088}},
	Block:      [3]MW{{1167, 1152}, {1183, 1168}, {1199, 1184}},
	Registers:  MW{1208, 1200},
	Barriers:   MW{1215, 1211},
	Program:    [2]MW{{1247, 1216}, {1272, 1248}},
	Shared:     MW{601, 584},
	ConstAddr:  [2]MW{{1567, 1536}, {1586, 1568}},
	ConstShift: 6, ConstSize: MW{1599, 1587},
	ConstValid:  MW{416, 416},
	ConstStride: 64, ValidStride: 4,
	ReleaseAddr:   [2]MW{{671, 640}, {696, 672}},
	ReleaseValue:  [2]MW{{735, 704}, {767, 736}},
	ReleaseEnable: MW{320, 320},
	ReleaseSize:   MW{322, 321},
	Release64:     MW{332, 332},
}

// QMDAlign is the alignment of descriptors in memory.
const QMDAlign = 256

// Launch is what a descriptor says.
type Launch struct {
	Grid, Block  [3]uint32
	Registers    uint32
	Barriers     uint32
	Shared       uint32 // bytes a CTA
	Program      uint64 // virtual address
	Constants    uint64 // virtual address of constant buffer 0,
	ConstantLen  uint32 // bytes, a multiple of 16
	Release      bool
	ReleaseAddr  uint64
	ReleaseValue uint64
}

// Encode writes a descriptor of l.Len bytes: version, type, and a release of payload and time.
func (l *QMDLayout) Encode(p []byte, v *Launch) {
	clear(p[:l.Len])
	l.MajorVersion.Put(p, uint64(l.Major))
	l.put(p, l.Type, QMDTypeGrid)
	for i := range 3 {
		l.Grid[i].Put(p, uint64(v.Grid[i]))
		l.Block[i].Put(p, uint64(v.Block[i]))
	}
	l.Registers.Put(p, uint64(v.Registers))
	l.Barriers.Put(p, uint64(v.Barriers))
	l.Shared.Put(p, uint64(v.Shared))
	put2(p, l.Program, v.Program)
	put2(p, l.ConstAddr, v.Constants>>l.ConstShift)
	l.ConstSize.Put(p, uint64(v.ConstantLen)>>4)
	l.ConstValid.Put(p, 1)
	if v.Release {
		l.ReleaseEnable.Put(p, 1)
		l.Release64.Put(p, 1)
		put2(p, l.ReleaseAddr, v.ReleaseAddr)
		put2(p, l.ReleaseValue, v.ReleaseValue)
	}
}

func (l *QMDLayout) put(p []byte, f MW, v uint64) {
	if f != None {
		f.Put(p, v)
	}
}

func put2(p []byte, f [2]MW, v uint64) {
	f[0].Put(p, v)
	f[1].Put(p, v>>32)
}

func get2(p []byte, f [2]MW) uint64 { return f[0].Get(p) | f[1].Get(p)<<32 }

// Decode reads a descriptor; it reports false when the version or the type is not this layout's.
func (l *QMDLayout) Decode(p []byte) (v Launch, ok bool) {
	if len(p) < l.Len || l.MajorVersion.Get(p) != uint64(l.Major) {
		return v, false
	}
	if l.Type != None && l.Type.Get(p) != QMDTypeGrid {
		return v, false
	}
	for i := range 3 {
		v.Grid[i] = uint32(l.Grid[i].Get(p))
		v.Block[i] = uint32(l.Block[i].Get(p))
	}
	v.Registers = uint32(l.Registers.Get(p))
	v.Barriers = uint32(l.Barriers.Get(p))
	v.Shared = uint32(l.Shared.Get(p))
	v.Program = get2(p, l.Program)
	if l.ConstValid.Get(p) == 1 {
		v.Constants = get2(p, l.ConstAddr) << l.ConstShift
		v.ConstantLen = uint32(l.ConstSize.Get(p)) << 4
	}
	if l.ReleaseEnable.Get(p) == 1 {
		v.Release = true
		v.ReleaseAddr = get2(p, l.ReleaseAddr)
		v.ReleaseValue = get2(p, l.ReleaseValue)
	}
	return v, true
}
