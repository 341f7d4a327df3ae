package tensorfs

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Volume is a mounted volume. Changes gather in memory and on free pages; Commit makes them the
// volume's state, all at once.
type Volume struct {
	array
	Notes []string // what mounting had to repair

	space    space
	gen      uint64 // of the last commit
	live     state  // committed
	work     state  // with the changes since
	floor    uint64 // pages that a commit leaves free
	readOnly bool
	broken   error // a commit failed half way: what is on the drives is known only to a new mount
}

// state is a version of the volume: objects, and the catalog of snapshots.
type state struct{ objects, snaps *node }

// snapshot is a named version of the objects: an item of the catalog.
type snapshot struct {
	name    string
	born    uint64
	objects uint64
	root    *node
	refs    int
}

const snapLen = 16 + ptrLen

func (s *snapshot) key() string { return s.name }
func (s *snapshot) size() int   { return snapLen }

func (s *snapshot) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, s.born)
	b = binary.LittleEndian.AppendUint64(b, s.objects)
	var at pointer
	if s.root != nil {
		at = s.root.at
	}
	return at.append(b)
}

// ErrReadOnly, ErrExists, ErrNotFound are wrapped by what changes and looks up.
var (
	ErrReadOnly = errors.New("the volume is mounted for reading only")
	ErrExists   = errors.New("it exists")
	ErrNotFound = errors.New("there is none")
)

// Format makes a volume on drives, whose contents are lost. Zero fields of the geometry take their
// defaults; Members and Size follow from the drives.
func Format(g Geometry, devs ...Device) (*Volume, error) {
	if g.Page == 0 {
		g.Page = Page
	}
	if g.Stripe == 0 {
		g.Stripe = max(Stripe, g.Page)
	}
	g.Members = len(devs)
	if g.Stripe < 1 || len(devs) == 0 {
		return nil, g.check()
	}
	for i, d := range devs {
		if n := d.Size() / uint64(g.Stripe) * uint64(g.Stripe); i == 0 || n < g.Size {
			g.Size = n
		}
	}
	if err := g.check(); err != nil {
		return nil, err
	}
	v := &Volume{array: array{g, devs}, floor: metaFloor}
	first := v.start() / uint64(g.Page)
	v.space.release(first, v.end()/uint64(g.Page)-first)
	return v, v.writeSupers()
}

// writeSupers makes the present state the volume's: one copy on every drive, then the other. At a
// power cut at least one copy is whole, and everything that it points to was flushed before.
func (v *Volume) writeSupers() error {
	s := super{Geometry: v.Geometry, gen: v.gen}
	if n := v.work.objects; n != nil {
		s.objects = n.at
	}
	if n := v.work.snaps; n != nil {
		s.snaps = n.at
	}
	for slot := range slots {
		for i, d := range v.devs {
			s.member = i
			if err := d.WriteAt(uint64(slot)*slotAt, s.encode()); err != nil {
				return fmt.Errorf("tensorfs: superblock of drive %d: %w", i, err)
			}
		}
		if err := v.flush(); err != nil {
			return err
		}
	}
	return nil
}

// Generation counts the commits.
func (v *Volume) Generation() uint64 { return v.gen }

// Commit makes the changes since the last one durable. When it returns nil they survive a power
// cut; until then, a cut leaves either none or all of them. Without room for the metadata it undoes
// the changes and fails; after an error of a drive the volume must be mounted again.
func (v *Volume) Commit() error {
	switch {
	case v.broken != nil:
		return fmt.Errorf("tensorfs: mount again: an earlier commit failed: %w", v.broken)
	case v.work == v.live:
		return nil
	case v.readOnly:
		return v.undo(fmt.Errorf("tensorfs: %w", ErrReadOnly))
	}
	v.gen++
	err := v.store(v.work.objects)
	if err == nil {
		err = v.store(v.work.snaps)
	}
	if errors.Is(err, ErrNoSpace) {
		v.gen--
		return v.undo(err)
	}
	if err == nil {
		err = v.flush()
	}
	if err == nil {
		err = v.writeSupers()
	}
	if err != nil {
		v.broken = err
		return err
	}
	old := v.live
	v.live = v.work
	v.live.hold()
	v.floor = metaFloor
	v.letGo(old.objects)
	v.letGo(old.snaps)
	return nil
}

func (s state) hold() {
	if s.objects != nil {
		s.objects.refs++
	}
	if s.snaps != nil {
		s.snaps.refs++
	}
}

func (v *Volume) undo(err error) error {
	v.Rollback()
	return err
}

// Rollback forgets the changes since the last commit.
func (v *Volume) Rollback() {
	v.floor = metaFloor
	v.live.hold()
	v.letGo(v.work.objects)
	v.letGo(v.work.snaps)
	v.work = v.live
}

// Dirty reports whether there are changes to commit.
func (v *Volume) Dirty() bool { return v.work != v.live }

// store writes the nodes of a tree that are not on the volume yet, from the leaves up.
func (v *Volume) store(n *node) error {
	if n == nil || n.at.len != 0 {
		return nil
	}
	for _, k := range n.kids {
		if err := v.store(k); err != nil {
			return err
		}
	}
	for _, it := range n.items {
		if s, ok := it.(*snapshot); ok {
			if err := v.store(s.root); err != nil {
				return err
			}
		}
	}
	page, err := v.space.alloc(1, 1, v.floor)
	if err != nil {
		return err
	}
	b := n.encode(v.gen)
	at := pointer{page[0].page * uint64(v.Page), uint32(len(b)), Checksum(b)}
	if err := v.write(at.addr, b); err != nil {
		v.space.release(page[0].page, 1)
		return err
	}
	n.at = at
	return nil
}

// writable refuses changes that cannot be committed.
func (v *Volume) writable() error {
	if v.broken != nil {
		return fmt.Errorf("tensorfs: mount again: an earlier commit failed: %w", v.broken)
	}
	if v.readOnly {
		return fmt.Errorf("tensorfs: %w", ErrReadOnly)
	}
	return nil
}

// Lookup finds an object by name.
func (v *Volume) Lookup(name string) (Object, bool) { return lookup(v.work.objects, name) }

func lookup(root *node, name string) (Object, bool) {
	it, ok := root.get(name)
	if !ok {
		return Object{}, false
	}
	return it.(*record).object(), true
}

func (r *record) object() Object {
	o := r.Object
	o.rec = r
	return o
}

// Objects lists what is on the volume, by name.
func (v *Volume) Objects() []Object { return list(v.work.objects) }

func list(root *node) (out []Object) {
	root.walk(func(it item) bool {
		out = append(out, it.(*record).object())
		return true
	})
	return out
}

// Names lists the objects' names, sorted, for messages.
func (v *Volume) Names() (out []string) {
	v.work.objects.walk(func(it item) bool {
		out = append(out, it.key())
		return true
	})
	return out
}

// Remove takes an object off the volume. Its pages are free once that is committed and no snapshot
// has it.
func (v *Volume) Remove(name string) error {
	if err := v.writable(); err != nil {
		return err
	}
	if _, ok := v.work.objects.get(name); !ok {
		return fmt.Errorf("tensorfs: object %q: %w", name, ErrNotFound)
	}
	v.work.objects = v.remove(v.work.objects, name)
	return nil
}

// Usage is where the bytes of a volume are.
type Usage struct {
	Size     uint64 // all drives
	Reserved uint64 // superblocks and what is kept with them
	Free     uint64
	Used     uint64 // metadata and contents, whole pages; of all snapshots
}

// Usage counts.
func (v *Volume) Usage() Usage {
	u := Usage{Size: v.end(), Reserved: v.start(), Free: v.space.free * uint64(v.Page)}
	u.Used = u.Size - u.Reserved - u.Free
	return u
}
