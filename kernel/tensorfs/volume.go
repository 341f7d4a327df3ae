package tensorfs

import (
	"fmt"
	"io"
	"sort"
)

// Volume is a mounted volume: its directory, in memory.
type Volume struct {
	size    uint64
	objects []Object // in the order of the directory
}

// Mount reads a volume. read fills p from a byte offset; offsets and lengths are multiples of 4096.
func Mount(read func(off uint64, p []byte) error) (*Volume, error) {
	super := make([]byte, superLen)
	if err := read(0, super); err != nil {
		return nil, fmt.Errorf("tensorfs: superblock: %w", err)
	}
	size, err := decodeSuper(super)
	if err != nil {
		return nil, err
	}
	dir := make([]byte, dirLen)
	if err := read(dirAt, dir); err != nil {
		return nil, fmt.Errorf("tensorfs: directory: %w", err)
	}
	v := &Volume{size: size}
	for i := range MaxObjects {
		o, ok, err := decodeEntry(dir[i*entryLen:(i+1)*entryLen], i)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if o.Off%Page != 0 || o.Off < dataAt || o.Off+o.Len > size || o.Off+o.Len < o.Off {
			return nil, fmt.Errorf("tensorfs: object %s lies outside the volume", o.Name)
		}
		v.objects = append(v.objects, o)
	}
	return v, nil
}

// Objects lists what is on the volume, in the order of the directory.
func (v *Volume) Objects() []Object { return append([]Object(nil), v.objects...) }

// Lookup finds an object by name.
func (v *Volume) Lookup(name string) (Object, bool) {
	for _, o := range v.objects {
		if o.Name == name {
			return o, true
		}
	}
	return Object{}, false
}

// Names lists the objects' names, sorted, for messages.
func (v *Volume) Names() []string {
	var out []string
	for _, o := range v.objects {
		out = append(out, o.Name)
	}
	sort.Strings(out)
	return out
}

// Place finds room for an object, beside what is there: an object of the same name keeps its
// extent until Enter replaces it. The caller writes the data to the extent that is returned.
func (v *Volume) Place(o Object) (Object, error) {
	if err := o.check(); err != nil {
		return o, err
	}
	if v.slot(o.Name) == MaxObjects {
		return o, fmt.Errorf("tensorfs: the directory of %d objects is full", MaxObjects)
	}
	off, ok := v.room(o.Len)
	if !ok {
		return o, fmt.Errorf("tensorfs: no room for %d bytes of %s on a volume of %d", o.Len,
			o.Name, v.size)
	}
	o.Off = off
	return o, nil
}

// Enter puts a placed object, whose data is written, into the directory. The caller writes the
// directory page that is returned at its offset.
func (v *Volume) Enter(o Object) (off uint64, page []byte) {
	at := v.slot(o.Name)
	if at == len(v.objects) {
		v.objects = append(v.objects, o)
	} else {
		v.objects[at] = o
	}
	const perPage = superLen / entryLen
	first := at / perPage * perPage
	page = make([]byte, superLen)
	for i := first; i < min(first+perPage, len(v.objects)); i++ {
		v.objects[i].encode(page[(i-first)*entryLen:])
	}
	return dirAt + uint64(first)*entryLen, page
}

// slot is the place of a name in the directory, or of a new one behind the last.
func (v *Volume) slot(name string) int {
	for i := range v.objects {
		if v.objects[i].Name == name {
			return i
		}
	}
	return len(v.objects)
}

// room finds the first gap of n bytes between the extents.
func (v *Volume) room(n uint64) (uint64, bool) {
	taken := append([]Object(nil), v.objects...)
	sort.Slice(taken, func(i, j int) bool { return taken[i].Off < taken[j].Off })
	at := uint64(dataAt)
	for _, o := range taken {
		if o.Off >= at && o.Off-at >= n {
			return at, true
		}
		at = max(at, (o.Off+o.Len+Page-1)&^(Page-1))
	}
	return at, at+n <= v.size && at+n >= at
}

// File is an object with its contents.
type File struct {
	Object
	Data []byte
}

// Create writes a new volume of size bytes with the files on it.
func Create(w io.WriterAt, size uint64, files []File) error {
	v := &Volume{size: size}
	if _, err := w.WriteAt(encodeSuper(size), 0); err != nil {
		return err
	}
	for _, f := range files {
		f.Len, f.CRC = uint64(len(f.Data)), Checksum(f.Data)
		o, err := v.Place(f.Object)
		if err != nil {
			return err
		}
		if _, err := w.WriteAt(f.Data, int64(o.Off)); err != nil {
			return err
		}
		off, page := v.Enter(o)
		if _, err := w.WriteAt(page, int64(off)); err != nil {
			return err
		}
	}
	return nil
}
