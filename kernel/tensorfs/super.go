package tensorfs

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/bits"
)

// Sizes of the format, bytes.
const (
	Page   = 64 << 10  // default page: the small page of a GPU, unit of allocation and checksums
	Huge   = 32        // pages in a huge page: 2 MiB of 64 KiB; large objects are aligned to it
	Stripe = 256 << 10 // default stripe: what goes to one drive before the next has its turn
	Block  = 4096      // what every access is a multiple of
	slotAt = 16 << 10  // distance of the two copies of the superblock
	slots  = 2         // copies on each drive
	ident  = slotAt + Block

	minPage    = Block
	maxPage    = 2 << 20
	minStripe  = 2 * slotAt
	maxMembers = 256
	version    = 2
	magic      = "TENSORFS"
)

// Offsets in a superblock.
const (
	sbVersion = 8
	sbPage    = 12 // log2
	sbMember  = 16
	sbMembers = 20
	sbStripe  = 24
	sbSize    = 32
	sbUUID    = 40
	sbGen     = 56
	sbObjects = 64
	sbSnaps   = 64 + ptrLen
	sbEnd     = sbSnaps + ptrLen
	sbCRC     = Block - 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum is the CRC-32C of bytes.
func Checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

// pointer names a block of metadata and what it must hold. The zero pointer names none.
type pointer struct {
	addr uint64 // byte address in the volume
	len  uint32 // bytes, a multiple of Block
	crc  uint32 // of those bytes
}

const ptrLen = 16

func (p pointer) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, p.addr)
	b = binary.LittleEndian.AppendUint32(b, p.len)
	return binary.LittleEndian.AppendUint32(b, p.crc)
}

func decodePointer(b []byte) pointer {
	return pointer{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:]),
		binary.LittleEndian.Uint32(b[12:])}
}

// UUID tells volumes apart.
type UUID [16]byte

func (u UUID) String() string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// Geometry is what a volume is made with.
type Geometry struct {
	UUID    UUID
	Page    int    // bytes; 0 means Page
	Stripe  int    // bytes; 0 means Stripe
	Members int    // drives
	Size    uint64 // bytes used of each drive, whole stripes
}

func (g *Geometry) check() error {
	switch {
	case g.Page < minPage || g.Page > maxPage || bits.OnesCount(uint(g.Page)) != 1:
		return fmt.Errorf("tensorfs: pages of %d bytes: a power of 2 from %d to %d", g.Page,
			minPage, maxPage)
	case g.Stripe < max(minStripe, g.Page) || g.Stripe%g.Page != 0 || g.Stripe > 1<<30:
		return fmt.Errorf("tensorfs: stripes of %d bytes: a multiple of the page, %d to %d",
			g.Stripe, max(minStripe, g.Page), 1<<30)
	case g.Members < 1 || g.Members > maxMembers:
		return fmt.Errorf("tensorfs: %d drives: 1 to %d", g.Members, maxMembers)
	case g.Size%uint64(g.Stripe) != 0 || g.Size < 2*uint64(g.Stripe) || g.Size > 1<<52:
		return fmt.Errorf("tensorfs: %d bytes of each drive: whole stripes of %d, at least two",
			g.Size, g.Stripe)
	}
	return nil
}

// super is a superblock.
type super struct {
	Geometry
	member  int
	gen     uint64
	objects pointer
	snaps   pointer
}

func (s *super) encode() []byte {
	p := make([]byte, Block)
	le := binary.LittleEndian
	copy(p, magic)
	le.PutUint32(p[sbVersion:], version)
	le.PutUint32(p[sbPage:], uint32(bits.TrailingZeros(uint(s.Page))))
	le.PutUint32(p[sbMember:], uint32(s.member))
	le.PutUint32(p[sbMembers:], uint32(s.Members))
	le.PutUint64(p[sbStripe:], uint64(s.Stripe))
	le.PutUint64(p[sbSize:], s.Size)
	copy(p[sbUUID:], s.UUID[:])
	le.PutUint64(p[sbGen:], s.gen)
	copy(p[sbObjects:], s.objects.append(nil))
	copy(p[sbSnaps:], s.snaps.append(nil))
	le.PutUint32(p[sbCRC:], Checksum(p[:sbCRC]))
	return p
}

func decodeSuper(p []byte) (*super, error) {
	le := binary.LittleEndian
	switch v := le.Uint32(p[sbVersion:]); {
	case string(p[:8]) != magic:
		return nil, fmt.Errorf("it does not start with %q", magic)
	case v == 1:
		return nil, fmt.Errorf("a volume of format 1; this program knows format %d: make it anew",
			version)
	case le.Uint32(p[sbCRC:]) != Checksum(p[:sbCRC]):
		return nil, fmt.Errorf("checksum is %#08x, should be %#08x", Checksum(p[:sbCRC]),
			le.Uint32(p[sbCRC:]))
	case v != version:
		return nil, fmt.Errorf("a volume of format %d; this program knows format %d", v, version)
	}
	s := &super{member: int(le.Uint32(p[sbMember:])), gen: le.Uint64(p[sbGen:])}
	s.Page = 1 << (le.Uint32(p[sbPage:]) & 31)
	s.Members = int(le.Uint32(p[sbMembers:]))
	s.Stripe = int(min(le.Uint64(p[sbStripe:]), 1<<31))
	s.Size = le.Uint64(p[sbSize:])
	copy(s.UUID[:], p[sbUUID:])
	s.objects, s.snaps = decodePointer(p[sbObjects:]), decodePointer(p[sbSnaps:])
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.member >= s.Members {
		return nil, fmt.Errorf("member %d of %d", s.member, s.Members)
	}
	return s, nil
}
