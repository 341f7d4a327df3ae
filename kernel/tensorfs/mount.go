package tensorfs

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// Member is a drive that holds a part of a volume, or all of it.
type Member struct {
	Geometry
	Index      int
	Generation uint64

	dev    Device
	super  *super
	faults [slots]error
}

// Identify reads the superblock of a drive.
func Identify(d Device) (Member, error) {
	s, faults, err := readSupers(d)
	if err != nil {
		return Member{}, err
	}
	return Member{s.Geometry, s.member, s.gen, d, s, faults}, nil
}

func identify(devs []Device) (out []Member, err error) {
	for i, d := range devs {
		m, err := Identify(d)
		if err != nil {
			return nil, fmt.Errorf("drive %d: %w", i, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// readSupers reads both copies and returns the newest, and what is wrong with each.
func readSupers(d Device) (best *super, faults [slots]error, err error) {
	if d.Size() < ident {
		return nil, faults, fmt.Errorf("tensorfs: no volume: a drive of %d bytes", d.Size())
	}
	p := make([]byte, ident)
	if err := d.ReadAt(0, p); err != nil {
		return nil, faults, fmt.Errorf("tensorfs: superblock: %w", err)
	}
	var gens [slots]uint64
	for i := range slots {
		s, err := decodeSuper(p[i*slotAt : i*slotAt+Block])
		if err == nil && s.Size > d.Size() {
			err = fmt.Errorf("the volume needs %d bytes of the drive, which has %d", s.Size,
				d.Size())
		}
		if faults[i] = err; err != nil {
			continue
		}
		gens[i] = s.gen
		if best == nil || s.gen > best.gen {
			best = s
		}
	}
	if best == nil {
		return nil, faults, fmt.Errorf("tensorfs: no volume: %w", faults[0])
	}
	for i := range slots {
		if faults[i] == nil && gens[i] != best.gen {
			faults[i] = fmt.Errorf("generation %d, the other copy has %d", gens[i], best.gen)
		}
	}
	return best, faults, nil
}

// fault is something wrong on a volume, and where.
type fault struct {
	where string
	err   error
}

// assemble puts the drives of a volume in order, whatever order they are given in. Faults of single
// copies of the superblock are returned; they do not hinder.
func assemble(members []Member) (a array, newest *super, faults []fault, err error) {
	if len(members) == 0 {
		return a, nil, nil, fmt.Errorf("tensorfs: no drives")
	}
	for i, m := range members {
		for slot, err := range m.faults {
			if err != nil {
				faults = append(faults, fault{fmt.Sprintf("drive %d, superblock copy %d at %#x",
					i, slot, slot*slotAt), err})
			}
		}
		if newest == nil || m.Generation > newest.gen {
			newest = m.super
		}
	}
	a = array{newest.Geometry, make([]Device, newest.Members)}
	for i, m := range members {
		s := m.super
		switch {
		case s.UUID != newest.UUID:
			return a, nil, nil, fmt.Errorf("tensorfs: drive %d belongs to volume %v, others to %v",
				i, s.UUID, newest.UUID)
		case s.Geometry != newest.Geometry:
			return a, nil, nil, fmt.Errorf("tensorfs: drive %d tells another geometry of volume %v",
				i, s.UUID)
		case a.devs[s.member] != nil:
			return a, nil, nil, fmt.Errorf("tensorfs: drive %d is member %d of volume %v; another "+
				"drive is too", i, s.member, s.UUID)
		}
		a.devs[s.member] = m.dev
		if s.gen != newest.gen {
			faults = append(faults, fault{fmt.Sprintf("drive %d, superblock", i),
				fmt.Errorf("generation %d, another drive has %d", s.gen, newest.gen)})
		}
	}
	for i, d := range a.devs {
		if d == nil {
			return a, nil, nil, fmt.Errorf("tensorfs: member %d of the %d of volume %v is missing", i,
				newest.Members, newest.UUID)
		}
	}
	return a, newest, faults, nil
}

// Mount reads a volume's metadata. The drives may come in any order. What a power cut left half
// done in the superblocks is repaired, and noted.
func Mount(devs ...Device) (*Volume, error) {
	members, err := identify(devs)
	if err != nil {
		return nil, err
	}
	return MountMembers(members, false)
}

// MountReadOnly is Mount for a volume that must not be written to.
func MountReadOnly(devs ...Device) (*Volume, error) {
	members, err := identify(devs)
	if err != nil {
		return nil, err
	}
	return MountMembers(members, true)
}

// MountMembers is Mount for drives that Identify has read.
func MountMembers(members []Member, readOnly bool) (*Volume, error) {
	a, s, faults, err := assemble(members)
	if err != nil {
		return nil, err
	}
	v := &Volume{array: a, gen: s.gen, floor: metaFloor, readOnly: readOnly}
	l := newLoader(v, func(where string, err error) error {
		return fmt.Errorf("tensorfs: %s: %w", where, err)
	})
	if err := l.load(s); err != nil {
		return nil, err
	}
	for _, f := range faults {
		v.Notes = append(v.Notes, fmt.Sprintf("%s: %v", f.where, f.err))
	}
	if len(faults) > 0 && !readOnly {
		// The newest state is here, but perhaps in caches only.
		if err := v.flush(); err != nil {
			return nil, err
		}
		return v, v.writeSupers()
	}
	return v, nil
}

// loader reads trees. fail says what to do about a fault: an error ends the loading, nil goes on
// without what is at fault.
type loader struct {
	v       *Volume
	fail    func(where string, err error) error
	nodes   map[uint64]*node   // by address: snapshots share them
	extents map[uint64]*extent // by page
	order   []*node            // as they were met
	records []*record
	buf     []byte
}

func newLoader(v *Volume, fail func(string, error) error) *loader {
	return &loader{v: v, fail: fail, nodes: map[uint64]*node{}, extents: map[uint64]*extent{},
		buf: make([]byte, v.Page)}
}

// load reads both trees and finds the free pages.
func (l *loader) load(s *super) (err error) {
	v := l.v
	if v.work.objects, err = l.tree(s.objects, false, "objects"); err != nil {
		return err
	}
	if v.work.snaps, err = l.tree(s.snaps, true, "snapshots"); err != nil {
		return err
	}
	v.live = v.work
	v.live.hold()
	return l.holes()
}

func (l *loader) tree(at pointer, catalog bool, what string) (*node, error) {
	if at == (pointer{}) {
		return nil, nil
	}
	return l.node(at, -1, catalog, span{}, what)
}

// span is the keys that a node may have: from lo, and below hi unless that is "".
type span struct{ lo, hi string }

func (s span) holds(keys []string) bool {
	return len(keys) == 0 || keys[0] >= s.lo && (s.hi == "" || keys[len(keys)-1] < s.hi)
}

// node reads a block and all below it; level -1 allows any.
func (l *loader) node(at pointer, level int, catalog bool, in span, what string) (*node, error) {
	where := fmt.Sprintf("metadata at %#x (%s)", at.addr, what)
	if n := l.nodes[at.addr]; n != nil {
		if n.at != at || level >= 0 && n.level != level || !in.holds(n.keys) {
			return nil, l.fail(where, fmt.Errorf("it is in two places"))
		}
		n.refs++
		return n, nil
	}
	raw, err := l.block(at)
	if err != nil {
		return nil, l.fail(where, err)
	}
	if level >= 0 && raw.level != level || raw.level == 0 && !in.holds(raw.keys) {
		return nil, l.fail(where, fmt.Errorf("a block of another place"))
	}
	if catalog { // the items outlive the buffer: each leads to a tree
		for i, b := range raw.items {
			raw.items[i] = bytes.Clone(b)
		}
	}
	n := &node{level: raw.level, keys: raw.keys, refs: 1, at: at}
	l.nodes[at.addr] = n
	l.order = append(l.order, n)
	keys := n.keys[:0:0]
	for i, p := range raw.kids {
		kid := in
		if i > 0 {
			kid.lo = raw.keys[i]
		}
		if i+1 < len(raw.kids) {
			kid.hi = raw.keys[i+1]
		}
		k, err := l.node(p, raw.level-1, catalog, kid, what)
		if err != nil {
			return nil, err
		}
		if k != nil {
			n.kids, keys = append(n.kids, k), append(keys, raw.keys[i])
		}
	}
	for i, b := range raw.items {
		it, err := l.item(raw.keys[i], b, catalog, where)
		if err != nil {
			return nil, err
		}
		if it != nil {
			n.items, keys = append(n.items, it), append(keys, raw.keys[i])
		}
	}
	n.keys = keys
	n.measure()
	return n, nil
}

// block reads the bytes of a node and checks them.
func (l *loader) block(at pointer) (*rawNode, error) {
	v := l.v
	page := uint64(v.Page)
	if at.addr%page != 0 || at.addr < v.start() || at.addr > v.end()-page || at.len == 0 ||
		at.len%Block != 0 || uint64(at.len) > page {
		return nil, fmt.Errorf("the pointer %#x, %d bytes, is none", at.addr, at.len)
	}
	b := l.buf[:at.len]
	if err := v.read(at.addr, b); err != nil {
		return nil, err
	}
	if sum := Checksum(b); sum != at.crc {
		return nil, fmt.Errorf("checksum is %#08x, should be %#08x", sum, at.crc)
	}
	return decodeNode(b)
}

func (l *loader) item(key string, b []byte, catalog bool, where string) (item, error) {
	if !catalog {
		r, err := decodeRecord(key, b, &l.v.Geometry)
		if err != nil {
			return nil, l.fail(where, err)
		}
		return l.adopt(r, where)
	}
	if len(b) != snapLen || checkName(key) != nil {
		return nil, l.fail(where, fmt.Errorf("the snapshot %q is malformed", key))
	}
	s := &snapshot{name: key, refs: 1, born: binary.LittleEndian.Uint64(b),
		objects: binary.LittleEndian.Uint64(b[8:])}
	var err error
	s.root, err = l.tree(decodePointer(b[16:]), false, "snapshot "+key)
	return s, err
}

// adopt lets a record share its extents with the versions that were read before.
func (l *loader) adopt(r *record, where string) (item, error) {
	share := func(e *extent) (*extent, error) {
		have := l.extents[e.page]
		if have == nil {
			have = e
			l.extents[e.page] = e
		}
		if have.n != e.n {
			return nil, fmt.Errorf("%q has pages %d to %d, another object %d to %d", r.Name, e.page,
				e.page+e.n-1, have.page, have.page+have.n-1)
		}
		have.refs++
		return have, nil
	}
	var err error
	for i, e := range r.extents {
		if r.extents[i], err = share(e); err != nil {
			return nil, l.fail(where, err)
		}
	}
	if r.table != nil {
		if r.table, err = share(r.table); err != nil {
			return nil, l.fail(where, err)
		}
	}
	r.refs = 1
	l.records = append(l.records, r)
	return r, nil
}

// used lists the pages in use, in order.
func (l *loader) used() []hole {
	out := make([]hole, 0, len(l.order)+len(l.extents))
	for _, n := range l.order {
		out = append(out, hole{n.at.addr / uint64(l.v.Page), 1})
	}
	for _, r := range l.records {
		for _, e := range r.extents {
			out = append(out, hole{e.page, e.n})
		}
		if r.table != nil {
			out = append(out, hole{r.table.page, r.table.n})
		}
	}
	slices.SortFunc(out, func(a, b hole) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.n, b.n))
	})
	return slices.Compact(out)
}

// holes makes the free pages of those that are not in use.
func (l *loader) holes() error {
	v := l.v
	at, end := v.start()/uint64(v.Page), v.end()/uint64(v.Page)
	for _, u := range l.used() {
		if u.at < at {
			err := l.fail(fmt.Sprintf("page %d", u.at), fmt.Errorf("it has two users"))
			if err != nil {
				return err
			}
		}
		if u.at > at {
			v.space.holes = append(v.space.holes, hole{at, u.at - at})
			v.space.free += u.at - at
		}
		at = max(at, u.end())
	}
	if at < end {
		v.space.holes = append(v.space.holes, hole{at, end - at})
		v.space.free += end - at
	}
	return nil
}
