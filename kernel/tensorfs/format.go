package tensorfs

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
)

// Layout of a volume, bytes.
const (
	Page         = 64 << 10 // alignment of extents: a GPU page
	superLen     = 4096
	dirAt        = Page
	dirLen       = 16 * Page
	dataAt       = dirAt + dirLen
	entryLen     = 256
	MaxObjects   = dirLen / entryLen
	nameLen      = 128
	maxDims      = 4
	elemLen      = 8
	version      = 1
	magic        = "TENSORFS"
	superCRC     = superLen - 4
	entryCRC     = entryLen - 4
	entryUsed    = 1
	offElem      = nameLen
	offFlags     = offElem + elemLen
	offShape     = offFlags + 8
	offExtent    = offShape + 8*maxDims
	offDataCRC   = offExtent + 16
	flagColMajor = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum is the CRC-32C of an object's bytes.
func Checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

// Object is a named tensor on the volume.
type Object struct {
	Name     string
	Elem     string // element type as Neuro-Lang spells it: f16
	ColMajor bool
	Shape    []int
	Off, Len uint64 // extent in bytes; Off is a multiple of Page
	CRC      uint32 // Checksum of the bytes
}

func (o *Object) String() string {
	layout := "RowMajor"
	if o.ColMajor {
		layout = "ColMajor"
	}
	return fmt.Sprintf("%s %v %s %s, %d bytes at %#x", o.Name, o.Shape, o.Elem, layout, o.Len,
		o.Off)
}

func (o *Object) check() error {
	switch {
	case o.Name == "" || len(o.Name) > nameLen || strings.ContainsRune(o.Name, 0):
		return fmt.Errorf("tensorfs: object name %q must have 1 to %d bytes", o.Name, nameLen)
	case len(o.Elem) > elemLen:
		return fmt.Errorf("tensorfs: element type %q of %s is too long", o.Elem, o.Name)
	case len(o.Shape) > maxDims:
		return fmt.Errorf("tensorfs: %s has %d dimensions, %d at most", o.Name, len(o.Shape),
			maxDims)
	}
	return nil
}

func (o *Object) encode(p []byte) {
	clear(p[:entryLen])
	copy(p, o.Name)
	copy(p[offElem:], o.Elem)
	p[offFlags], p[offFlags+1] = entryUsed, byte(len(o.Shape))
	if o.ColMajor {
		p[offFlags+2] = flagColMajor
	}
	for i, n := range o.Shape {
		binary.LittleEndian.PutUint64(p[offShape+8*i:], uint64(n))
	}
	binary.LittleEndian.PutUint64(p[offExtent:], o.Off)
	binary.LittleEndian.PutUint64(p[offExtent+8:], o.Len)
	binary.LittleEndian.PutUint32(p[offDataCRC:], o.CRC)
	binary.LittleEndian.PutUint32(p[entryCRC:], Checksum(p[:entryCRC]))
}

// decodeEntry reads entry i; ok is false where none is.
func decodeEntry(p []byte, i int) (o Object, ok bool, err error) {
	if allZero(p) {
		return o, false, nil
	}
	if binary.LittleEndian.Uint32(p[entryCRC:]) != Checksum(p[:entryCRC]) {
		return o, false, fmt.Errorf("tensorfs: directory entry %d is corrupt (checksum)", i)
	}
	o.Name = strings.TrimRight(string(p[:nameLen]), "\x00")
	o.Elem = strings.TrimRight(string(p[offElem:offElem+elemLen]), "\x00")
	o.ColMajor = p[offFlags+2]&flagColMajor != 0
	dims := int(p[offFlags+1])
	if dims > maxDims {
		return o, false, fmt.Errorf("tensorfs: directory entry %d has %d dimensions", i, dims)
	}
	for d := range dims {
		o.Shape = append(o.Shape, int(binary.LittleEndian.Uint64(p[offShape+8*d:])))
	}
	o.Off = binary.LittleEndian.Uint64(p[offExtent:])
	o.Len = binary.LittleEndian.Uint64(p[offExtent+8:])
	o.CRC = binary.LittleEndian.Uint32(p[offDataCRC:])
	return o, true, nil
}

func allZero(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

func encodeSuper(size uint64) []byte {
	p := make([]byte, superLen)
	copy(p, magic)
	binary.LittleEndian.PutUint32(p[8:], version)
	binary.LittleEndian.PutUint64(p[16:], size)
	binary.LittleEndian.PutUint32(p[superCRC:], Checksum(p[:superCRC]))
	return p
}

func decodeSuper(p []byte) (size uint64, err error) {
	switch {
	case len(p) < superLen || string(p[:8]) != magic:
		return 0, fmt.Errorf("tensorfs: no volume here: the superblock does not start with %q",
			magic)
	case binary.LittleEndian.Uint32(p[superCRC:]) != Checksum(p[:superCRC]):
		return 0, fmt.Errorf("tensorfs: the superblock is corrupt (checksum)")
	case binary.LittleEndian.Uint32(p[8:]) != version:
		return 0, fmt.Errorf("tensorfs: volume of format %d; this is a kernel for format %d",
			binary.LittleEndian.Uint32(p[8:]), version)
	}
	return binary.LittleEndian.Uint64(p[16:]), nil
}
