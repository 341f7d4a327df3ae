package tensorfs

import "fmt"

// Snapshot is a named version of all objects.
type Snapshot struct {
	Name    string
	Born    uint64 // generation that it shows
	Objects uint64
}

// Snapshot names the present state of the objects, changes that are not committed included.
func (v *Volume) Snapshot(name string) error {
	if err := v.writable(); err != nil {
		return err
	}
	if err := checkName(name); err != nil {
		return err
	}
	if _, ok := v.work.snaps.get(name); ok {
		return fmt.Errorf("tensorfs: snapshot %q: %w", name, ErrExists)
	}
	s := &snapshot{name: name, born: v.gen + 1, root: v.work.objects, refs: 1}
	s.root.walk(func(item) bool {
		s.objects++
		return true
	})
	if s.root != nil {
		s.root.refs++
	}
	v.work.snaps = v.insert(v.work.snaps, s)
	return nil
}

// Snapshots lists them by name.
func (v *Volume) Snapshots() (out []Snapshot) {
	v.work.snaps.walk(func(it item) bool {
		s := it.(*snapshot)
		out = append(out, Snapshot{s.name, s.born, s.objects})
		return true
	})
	return out
}

func (v *Volume) snapshot(name string) (*snapshot, error) {
	it, ok := v.work.snaps.get(name)
	if !ok {
		return nil, fmt.Errorf("tensorfs: snapshot %q: %w", name, ErrNotFound)
	}
	return it.(*snapshot), nil
}

// ObjectsOf lists the objects of a snapshot.
func (v *Volume) ObjectsOf(snap string) ([]Object, error) {
	s, err := v.snapshot(snap)
	if err != nil {
		return nil, err
	}
	return list(s.root), nil
}

// LookupIn finds an object of a snapshot.
func (v *Volume) LookupIn(snap, name string) (Object, error) {
	s, err := v.snapshot(snap)
	if err != nil {
		return Object{}, err
	}
	o, ok := lookup(s.root, name)
	if !ok {
		return o, fmt.Errorf("tensorfs: object %q of snapshot %q: %w", name, snap, ErrNotFound)
	}
	return o, nil
}

// Version is an object as it is now or in a snapshot.
type Version struct {
	Snapshot string // "": now
	Object
}

// Versions lists an object now and in each snapshot that has another one of it.
func (v *Volume) Versions(name string) (out []Version) {
	seen := map[contents]bool{}
	if o, ok := v.Lookup(name); ok {
		out, seen[o.rec.contents()] = append(out, Version{"", o}), true
	}
	v.work.snaps.walk(func(it item) bool {
		s := it.(*snapshot)
		if o, ok := lookup(s.root, name); ok && !seen[o.rec.contents()] {
			out, seen[o.rec.contents()] = append(out, Version{s.name, o}), true
		}
		return true
	})
	return out
}

// Restore makes the objects what they were in a snapshot, which stays.
func (v *Volume) Restore(name string) error {
	if err := v.writable(); err != nil {
		return err
	}
	s, err := v.snapshot(name)
	if err != nil {
		return err
	}
	if s.root != nil {
		s.root.refs++
	}
	v.letGo(v.work.objects)
	v.work.objects = s.root
	return nil
}

// RemoveSnapshot forgets a snapshot. The commit that follows needs less room than any other, so
// that a full volume can be emptied.
func (v *Volume) RemoveSnapshot(name string) error {
	if err := v.writable(); err != nil {
		return err
	}
	if _, err := v.snapshot(name); err != nil {
		return err
	}
	v.work.snaps = v.remove(v.work.snaps, name)
	v.floor = 0
	return nil
}
