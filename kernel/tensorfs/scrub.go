package tensorfs

import (
	"encoding/binary"
	"fmt"
)

// Problem is something wrong on a volume.
type Problem struct {
	Where, What string
	// Repairable: mounting the volume for writing mends it. A power cut may leave such.
	Repairable bool
}

func (p Problem) String() string { return p.Where + ": " + p.What }

// Unit is a range that a scrub reads as a whole. It may lie on several drives.
type Unit struct {
	Addr, Len uint64
	Runs      []Run

	node *node
	rec  *record
	page uint64 // of the contents, or of the table
	kind unitKind
}

type unitKind uint8

const (
	unitNode unitKind = iota
	unitTable
	unitData
)

// Counts is what a scrub has read, in bytes.
type Counts struct {
	Metadata  uint64 // blocks of trees, tables of checksums
	Data      uint64 // contents, each page once
	Unsummed  uint64 // of them without a checksum
	Blind     uint64 // of them whose checksums are damaged
	Objects   int    // versions, of all snapshots
	Snapshots int
}

// Scrub goes over everything that is committed when it starts, also while the volume changes. The
// caller reads each unit as it likes, in order, and hands the bytes to Check.
type Scrub struct {
	Counts Counts

	v       *Volume
	roots   state
	nodes   []*node
	records []*record
	counted map[*extent]bool
	next    Unit   // next of the present record
	sums    []byte // page of the table that counts now; nil: damaged
	buf     []Run
}

// Scrub starts one. Close must be called.
func (v *Volume) Scrub() *Scrub {
	s := &Scrub{v: v, roots: v.live, counted: map[*extent]bool{}}
	s.roots.hold()
	seen := map[any]bool{}
	s.collect(v.live.objects, seen)
	s.collect(v.live.snaps, seen)
	s.Counts.Objects = len(s.records)
	return s
}

func (s *Scrub) collect(n *node, seen map[any]bool) {
	if n == nil || seen[n] {
		return
	}
	seen[n] = true
	s.nodes = append(s.nodes, n)
	for _, k := range n.kids {
		s.collect(k, seen)
	}
	for _, it := range n.items {
		switch it := it.(type) {
		case *snapshot:
			s.Counts.Snapshots++
			s.collect(it.root, seen)
		case *record:
			if key := it.contents(); !seen[key] {
				seen[key] = true
				s.records = append(s.records, it)
			}
		}
	}
}

// Close ends a scrub.
func (s *Scrub) Close() {
	s.v.letGo(s.roots.objects)
	s.v.letGo(s.roots.snaps)
	s.roots = state{}
}

// Total is how many bytes the scrub reads, about: its end is the end of Next.
func (s *Scrub) Total() (n uint64) {
	for _, x := range s.nodes {
		n += uint64(x.at.len)
	}
	for _, r := range s.records {
		n += r.Len
	}
	return n
}

// Next gives the next range to read; ok is false at the end. The Runs are valid until the next
// call.
func (s *Scrub) Next() (u Unit, ok bool) {
	if len(s.nodes) > 0 {
		n := s.nodes[0]
		s.nodes = s.nodes[1:]
		return s.unit(Unit{node: n, Addr: n.at.addr, Len: uint64(n.at.len)}), true
	}
	for len(s.records) > 0 {
		r := s.records[0]
		pages := s.v.pagesOf(r.Len)
		u := s.next
		u.rec = r
		switch per := perTable(s.v.Page); {
		case u.page >= pages:
			s.records, s.next, s.sums = s.records[1:], Unit{}, nil
			continue
		case r.table != nil && u.kind != unitData:
			u.kind, u.page = unitTable, u.page/per
			u.Addr, u.Len = (r.table.page+u.page)*uint64(s.v.Page), uint64(s.v.Page)
			s.next.kind = unitData
		default:
			u.kind = unitData
			u.Addr = r.address(u.page, s.v.Page)
			u.Len = blocks(min(uint64(s.v.Page), r.Len-u.page*uint64(s.v.Page)))
			if s.next.page++; s.next.page%per == 0 {
				s.next.kind = unitNode
			}
		}
		return s.unit(u), true
	}
	return Unit{}, false
}

// unit adds the runs.
func (s *Scrub) unit(u Unit) Unit {
	s.buf = s.buf[:0]
	for at, n := u.Addr, u.Len; n > 0; {
		r := s.v.locate(at)
		r.Len = min(r.Len, n)
		s.buf = append(s.buf, r)
		at, n = at+r.Len, n-r.Len
	}
	u.Runs = s.buf
	return u
}

// Check looks at the bytes of a unit.
func (s *Scrub) Check(u Unit, p []byte) *Problem {
	where := func(what string) string { return s.where(u, what) }
	c := &s.Counts
	switch u.kind {
	case unitNode:
		c.Metadata += u.Len
		if sum := Checksum(p); sum != u.node.at.crc {
			return &Problem{Where: where("metadata"), What: mismatch(sum, u.node.at.crc)}
		}
	case unitTable:
		c.Metadata += u.Len
		s.sums = nil
		if err := checkTable(p); err != nil {
			return &Problem{Where: where("checksums of " + u.rec.Name), What: err.Error()}
		}
		s.sums = append(s.sums, p...)
	case unitData:
		return s.checkData(u, p, where)
	}
	return nil
}

// Unread is the problem of a unit that its drives cannot read. The scrub can go on.
func (s *Scrub) Unread(u Unit, err error) *Problem {
	what := "metadata"
	switch u.kind {
	case unitTable:
		s.sums, what = nil, "checksums of "+u.rec.Name
	case unitData:
		page := uint64(s.v.Page)
		what = fmt.Sprintf("object %s, bytes %d to %d", u.rec.Name, u.page*page,
			min((u.page+1)*page, u.rec.Len)-1)
	}
	return &Problem{Where: s.where(u, what), What: err.Error()}
}

func (s *Scrub) where(u Unit, what string) string {
	d := s.v.locate(u.Addr)
	return fmt.Sprintf("%s, drive %d at %#x", what, d.Drive, d.Off)
}

func mismatch(sum, want uint32) string {
	return fmt.Sprintf("checksum is %#08x, should be %#08x", sum, want)
}

func (s *Scrub) checkData(u Unit, p []byte, where func(string) string) *Problem {
	r, c := u.rec, &s.Counts
	page := uint64(s.v.Page)
	p = p[:min(page, r.Len-u.page*page)]
	e := r.extentOf(u.page)
	var fresh uint64
	if !s.counted[e] {
		fresh = uint64(len(p))
	}
	if u.page+1 == s.v.pagesOf(r.Len) {
		for _, e := range r.extents {
			s.counted[e] = true
		}
	}
	c.Data += fresh
	var want uint32
	switch {
	case r.Unsummed:
		c.Unsummed += fresh
		return nil
	case r.table == nil:
		want = r.sums[u.page]
	case s.sums == nil:
		c.Blind += fresh
		return nil
	default:
		want = binary.LittleEndian.Uint32(s.sums[4*(u.page%perTable(s.v.Page)):])
	}
	if sum := Checksum(p); sum != want {
		return &Problem{What: mismatch(sum, want), Where: where(fmt.Sprintf(
			"object %s, bytes %d to %d", r.Name, u.page*page, u.page*page+uint64(len(p))-1))}
	}
	return nil
}

// extentOf is the extent of page i.
func (r *record) extentOf(i uint64) *extent {
	for _, e := range r.extents {
		if i < e.n {
			return e
		}
		i -= e.n
	}
	return nil
}

// Report is what fsck found.
type Report struct {
	Geometry
	Generation uint64
	Problems   []Problem
	Counts     Counts
	Usage      Usage
	// Slack is the bytes of pages in use behind the last byte that means something. No checksum
	// covers them, nor the free pages, nor what is reserved beside the superblocks.
	Slack uint64
}

// Clean reports whether nothing is wrong.
func (r *Report) Clean() bool { return len(r.Problems) == 0 }

// Check is fsck: it reads everything that is in use and changes nothing. It fails if the drives are
// no volume; what is wrong inside of one is in the report. progress, if not nil, is told how many
// bytes of how many have been read.
func Check(progress func(done, total uint64), devs ...Device) (*Report, error) {
	members, err := identify(devs)
	if err != nil {
		return nil, err
	}
	a, newest, faults, err := assemble(members)
	if err != nil {
		return nil, err
	}
	rep := &Report{Geometry: a.Geometry, Generation: newest.gen}
	for _, f := range faults {
		rep.Problems = append(rep.Problems, Problem{f.where, f.err.Error(), true})
	}
	v := &Volume{array: a, gen: newest.gen, readOnly: true}
	l := newLoader(v, func(where string, err error) error {
		rep.Problems = append(rep.Problems, Problem{Where: where, What: err.Error()})
		return nil
	})
	if err := l.load(newest); err != nil {
		return nil, err
	}
	s := v.Scrub()
	defer s.Close()
	s.nodes = nil // the loader has read them
	for _, n := range l.order {
		s.Counts.Metadata += uint64(n.at.len)
	}
	if err := s.run(rep, progress); err != nil {
		return nil, err
	}
	rep.Counts, rep.Usage = s.Counts, v.Usage()
	rep.Slack = rep.Usage.Used - min(rep.Usage.Used, rep.Counts.Metadata+rep.Counts.Data)
	return rep, nil
}

// run reads every unit. What cannot be read is a problem like any other.
func (s *Scrub) run(rep *Report, progress func(done, total uint64)) error {
	p := make([]byte, s.v.Page)
	total, done := s.Total(), uint64(0)
	for {
		u, ok := s.Next()
		if !ok {
			return nil
		}
		if err := s.v.read(u.Addr, p[:u.Len]); err != nil {
			rep.Problems = append(rep.Problems, Problem{Where: "read", What: err.Error()})
			continue
		}
		if bad := s.Check(u, p[:u.Len]); bad != nil {
			rep.Problems = append(rep.Problems, *bad)
		}
		if done += u.Len; progress != nil {
			progress(min(done, total), total)
		}
	}
}

// Verify is a scrub of a mounted volume from the host, at once.
func (v *Volume) Verify(progress func(done, total uint64)) (*Report, error) {
	rep := &Report{Geometry: v.Geometry, Generation: v.gen, Usage: v.Usage()}
	s := v.Scrub()
	defer s.Close()
	err := s.run(rep, progress)
	rep.Counts = s.Counts
	return rep, err
}
