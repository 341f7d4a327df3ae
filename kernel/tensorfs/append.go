package tensorfs

import (
	"fmt"
	"io"
	"slices"
)

// open finds an object that may be appended to.
func (v *Volume) open(name string) (*record, error) {
	if err := v.writable(); err != nil {
		return nil, err
	}
	o, ok := v.Lookup(name)
	switch {
	case !ok:
		return nil, fmt.Errorf("tensorfs: object %q: %w", name, ErrNotFound)
	case !o.Open:
		return nil, fmt.Errorf("tensorfs: object %q is sealed", name)
	}
	return o.rec, nil
}

// Append adds bytes to an object that is open: whole slices of its slowest dimension, which grows.
// Full pages stay where they are, the last one is written anew, so that snapshots keep theirs.
func (v *Volume) Append(name string, data []byte) error {
	old, err := v.open(name)
	if err != nil {
		return err
	}
	if old.Unsummed {
		return fmt.Errorf("tensorfs: object %q has no checksums yet: scrub first", name)
	}
	o := old.Object
	if o.Shape, err = grown(&o, uint64(len(data))); err != nil {
		return err
	}
	sums, err := v.allSums(old)
	if err != nil {
		return err
	}
	tail, err := v.tail(old, sums)
	if err != nil {
		return err
	}
	keep := old.extents
	if len(tail) > 0 {
		keep, sums = keep[:len(keep)-1], sums[:len(sums)-1]
	}
	o.Len += uint64(len(data))
	r := &record{Object: o, extents: slices.Clone(keep), refs: 1}
	for _, e := range keep {
		e.refs++
	}
	p := &Placed{v, r}
	n := uint64(len(tail) + len(data))
	if err := v.room(r, n); err != nil {
		p.Abandon()
		return v.rewrite(old, o, data)
	}
	w := p.writer()
	w.at, w.sums = uint64(len(sums)), sums
	for _, b := range [][]byte{tail, data} {
		if _, err := w.Write(b); err != nil {
			w.Abort()
			return err
		}
	}
	return w.Close()
}

// tail is the contents of the last page, if it is not full.
func (v *Volume) tail(r *record, sums []uint32) ([]byte, error) {
	part := r.Len % uint64(v.Page)
	if part == 0 {
		return nil, nil
	}
	d := &Reader{v: v, r: r, sums: sums, buf: make([]byte, v.Page), at: uint64(len(sums)) - 1}
	b := make([]byte, part)
	_, err := io.ReadFull(d, b)
	return b, err
}

// rewrite appends by writing the whole object anew: its record cannot name more extents.
func (v *Volume) rewrite(old *record, o Object, data []byte) error {
	r, err := v.Open(old.object())
	if err != nil {
		return err
	}
	w, err := v.Create(o)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Abort()
		return err
	}
	if _, err := w.Write(data); err != nil {
		w.Abort()
		return err
	}
	return w.Close()
}

// grown is the shape of an object with n bytes more.
func grown(o *Object, n uint64) ([]int, error) {
	d, ok := LookupDType(o.Elem)
	if !ok || len(o.Shape) == 0 {
		return o.Shape, nil
	}
	slow := 0
	if o.ColMajor {
		slow = len(o.Shape) - 1
	}
	shape := slices.Clone(o.Shape)
	shape[slow] = 1
	slice, err := d.Size(shape)
	if err != nil || slice == 0 || n%slice != 0 {
		return nil, fmt.Errorf("tensorfs: %s grows by whole slices of %d bytes, not by %d", o.Name,
			slice, n)
	}
	shape[slow] = o.Shape[slow] + int(n/slice)
	return shape, nil
}

// Seal makes an object immutable.
func (v *Volume) Seal(name string) error {
	old, err := v.open(name)
	if err != nil {
		return err
	}
	return v.amend(old, func(r *record) error {
		r.Open = false
		return nil
	})
}

// amend replaces a record by one with the same contents, unless change fails.
func (v *Volume) amend(old *record, change func(r *record) error) error {
	r := *old
	r.refs = 1
	r.extents = slices.Clone(old.extents)
	for _, e := range r.extents {
		e.refs++
	}
	if r.table != nil {
		r.table.refs++
	}
	p := &Placed{v, &r}
	if err := change(&r); err != nil {
		p.Abandon()
		return err
	}
	p.Enter()
	return nil
}

// Sum computes the checksums of an object that has none.
func (v *Volume) Sum(name string) error {
	if err := v.writable(); err != nil {
		return err
	}
	o, ok := v.Lookup(name)
	if !ok || !o.Unsummed {
		return nil
	}
	r, err := v.Open(o)
	if err != nil {
		return err
	}
	var sums []uint32
	for {
		if err = r.next(); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		sums = append(sums, Checksum(r.rest))
	}
	return v.amend(o.rec, func(n *record) error { return v.keepSums(n, sums) })
}
