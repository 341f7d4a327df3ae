package tensorfs

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
)

// item is what a leaf holds: a *record or a *snapshot.
type item interface {
	key() string
	size() int
	append(b []byte) []byte
}

// node is a block of a tree: persistent, counted by what refers to it, and changed in place only
// while nothing else does. A node that is on the volume is never changed.
type node struct {
	level int      // 0: a leaf
	keys  []string // of each item; of each kid its smallest, once
	items []item
	kids  []*node
	refs  int
	bytes int     // encoded
	at    pointer // where it is stored; zero: not yet
}

const (
	nodeMagic  = "TFSn"
	nodeHeader = 16
	kidLen     = 2 + ptrLen
	itemHeader = 4
)

func (n *node) cost(i int) int {
	if n.level > 0 {
		return kidLen + len(n.keys[i])
	}
	return itemHeader + len(n.keys[i]) + n.items[i].size()
}

func (n *node) measure() {
	n.bytes = nodeHeader
	for i := range n.keys {
		n.bytes += n.cost(i)
	}
}

// find is the kid under which a key lies.
func (n *node) find(key string) int {
	i := sort.SearchStrings(n.keys, key)
	if i < len(n.keys) && n.keys[i] == key {
		return i
	}
	return max(i-1, 0)
}

// get looks a key up.
func (n *node) get(key string) (item, bool) {
	for n != nil && n.level > 0 {
		n = n.kids[n.find(key)]
	}
	if n == nil {
		return nil, false
	}
	i := sort.SearchStrings(n.keys, key)
	if i == len(n.keys) || n.keys[i] != key {
		return nil, false
	}
	return n.items[i], true
}

// walk visits the items in order until visit says stop.
func (n *node) walk(visit func(item) bool) bool {
	if n == nil {
		return true
	}
	for _, k := range n.kids {
		if !k.walk(visit) {
			return false
		}
	}
	for _, it := range n.items {
		if !visit(it) {
			return false
		}
	}
	return true
}

// encode is the block of a node, padded to whole blocks.
func (n *node) encode(gen uint64) []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, blocks(uint64(n.bytes)))
	b = append(b, nodeMagic...)
	b = append(b, byte(n.level), 0)
	b = le.AppendUint16(b, uint16(len(n.keys)))
	b = le.AppendUint64(b, gen)
	for i, key := range n.keys {
		b = le.AppendUint16(b, uint16(len(key)))
		if n.level > 0 {
			b = append(n.kids[i].at.append(b), key...)
			continue
		}
		b = le.AppendUint16(b, uint16(n.items[i].size()))
		b = append(b, key...)
		b = n.items[i].append(b)
	}
	return b[:cap(b)]
}

// rawNode is a decoded block: keys with pointers or with the bytes of items.
type rawNode struct {
	level int
	keys  []string
	kids  []pointer
	items [][]byte
}

// decodeNode reads a block whose checksum is right already.
func decodeNode(b []byte) (*rawNode, error) {
	d := &reader{b: b}
	if string(d.bytes(4)) != nodeMagic {
		return nil, fmt.Errorf("no block of a tree")
	}
	n := &rawNode{level: d.u8()}
	d.u8()
	count := d.u16()
	d.u64()
	for i := 0; i < count && !d.short; i++ {
		key, size := d.u16(), 0
		if n.level > 0 {
			n.kids = append(n.kids, decodePointer(d.bytes(ptrLen)))
		} else {
			size = d.u16()
		}
		n.keys = append(n.keys, string(d.bytes(key)))
		if n.level == 0 {
			n.items = append(n.items, d.bytes(size))
		}
		if i > 0 && n.keys[i] <= n.keys[i-1] {
			return nil, fmt.Errorf("keys %q and %q are out of order", n.keys[i-1], n.keys[i])
		}
	}
	switch {
	case d.short || count == 0:
		return nil, fmt.Errorf("a block of a tree is cut short")
	case !allZero(d.b):
		return nil, fmt.Errorf("a block of a tree has a tail")
	case n.level > 16:
		return nil, fmt.Errorf("a tree of %d levels", n.level)
	}
	return n, nil
}

func allZero(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

// own gives a node that only the caller refers to: itself, or a copy that takes its place.
func (v *Volume) own(n *node) *node {
	if n.refs == 1 {
		if n.at.len != 0 {
			panic("tensorfs: a block that is on the volume is about to change")
		}
		return n
	}
	c := &node{level: n.level, keys: slices.Clone(n.keys), items: slices.Clone(n.items),
		kids: slices.Clone(n.kids), refs: 1, bytes: n.bytes}
	for _, k := range c.kids {
		k.refs++
	}
	for _, it := range c.items {
		v.hold(it)
	}
	n.refs--
	return c
}

// insert puts an item, which it takes over, into a tree and returns the new root.
func (v *Volume) insert(root *node, it item) *node {
	if root == nil {
		root = &node{refs: 1, bytes: nodeHeader}
	}
	root = v.own(root)
	if right := v.put(root, it); right != nil {
		top := &node{level: root.level + 1, refs: 1, keys: []string{root.keys[0], right.keys[0]},
			kids: []*node{root, right}}
		top.measure()
		return top
	}
	return root
}

// put inserts into a node that the caller owns. What no longer fits is returned as a node to its
// right.
func (v *Volume) put(n *node, it item) *node {
	key := it.key()
	if n.level > 0 {
		i := n.find(key)
		n.kids[i] = v.own(n.kids[i])
		right := v.put(n.kids[i], it)
		if right == nil {
			return nil
		}
		n.keys = slices.Insert(n.keys, i+1, right.keys[0])
		n.kids = slices.Insert(n.kids, i+1, right)
	} else {
		i, found := slices.BinarySearch(n.keys, key)
		if found {
			v.drop(n.items[i])
			n.items[i] = it
		} else {
			n.keys = slices.Insert(n.keys, i, key)
			n.items = slices.Insert(n.items, i, it)
		}
	}
	n.measure()
	if n.bytes <= v.Page {
		return nil
	}
	return n.split()
}

// split moves the upper half, by bytes, to a new node.
func (n *node) split() *node {
	left, at := nodeHeader, 0
	for at = range n.keys {
		if at > 0 && (left-nodeHeader)*2 >= n.bytes-nodeHeader {
			break
		}
		left += n.cost(at)
	}
	r := &node{level: n.level, refs: 1, keys: slices.Clone(n.keys[at:])}
	n.keys = n.keys[:at:at]
	if n.level > 0 {
		r.kids = slices.Clone(n.kids[at:])
		n.kids = n.kids[:at:at]
	} else {
		r.items = slices.Clone(n.items[at:])
		n.items = n.items[:at:at]
	}
	n.measure()
	r.measure()
	return r
}

// remove takes a key that is there out of a tree and returns the new root, nil if nothing is left.
func (v *Volume) remove(root *node, key string) *node {
	root = v.own(root)
	v.take(root, key)
	for root.level > 0 && len(root.kids) == 1 {
		only := root.kids[0]
		only.refs++
		v.letGo(root)
		root = only
	}
	if len(root.keys) == 0 {
		v.letGo(root)
		return nil
	}
	return root
}

func (v *Volume) take(n *node, key string) {
	if n.level == 0 {
		i, _ := slices.BinarySearch(n.keys, key)
		v.drop(n.items[i])
		n.items = slices.Delete(n.items, i, i+1)
		n.keys = slices.Delete(n.keys, i, i+1)
		n.measure()
		return
	}
	i := n.find(key)
	n.kids[i] = v.own(n.kids[i])
	v.take(n.kids[i], key)
	if len(n.kids[i].keys) == 0 {
		v.letGo(n.kids[i])
		n.kids = slices.Delete(n.kids, i, i+1)
		n.keys = slices.Delete(n.keys, i, i+1)
	} else if i+1 < len(n.kids) {
		v.merge(n, i)
	} else if i > 0 {
		v.merge(n, i-1)
	}
	n.measure()
}

// merge joins kids i and i+1 if both fit well into one block.
func (v *Volume) merge(n *node, i int) {
	if n.kids[i].bytes+n.kids[i+1].bytes > v.Page/2 {
		return
	}
	l, r := v.own(n.kids[i]), n.kids[i+1]
	l.keys = append(l.keys, r.keys...)
	if r.level > 0 {
		l.keys[len(l.keys)-len(r.keys)] = n.keys[i+1]
	}
	for _, k := range r.kids {
		k.refs++
	}
	for _, it := range r.items {
		v.hold(it)
	}
	l.kids, l.items = append(l.kids, r.kids...), append(l.items, r.items...)
	l.measure()
	n.kids[i] = l
	n.kids = slices.Delete(n.kids, i+1, i+2)
	n.keys = slices.Delete(n.keys, i+1, i+2)
	v.letGo(r)
}

// hold counts one more leaf that has an item.
func (v *Volume) hold(it item) {
	switch it := it.(type) {
	case *record:
		it.refs++
	case *snapshot:
		it.refs++
	}
}

// drop counts one leaf less; what nobody has any more gives its pages back.
func (v *Volume) drop(it item) {
	switch it := it.(type) {
	case *record:
		if it.refs--; it.refs == 0 {
			v.dropExtents(it.extents)
			if it.table != nil {
				v.dropExtents([]*extent{it.table})
			}
		}
	case *snapshot:
		if it.refs--; it.refs == 0 {
			v.letGo(it.root)
		}
	}
}

func (v *Volume) dropExtents(list []*extent) {
	for _, e := range list {
		if e.refs--; e.refs == 0 {
			v.space.release(e.page, e.n)
		}
	}
}

// letGo gives up one reference to a node.
func (v *Volume) letGo(n *node) {
	if n == nil {
		return
	}
	if n.refs--; n.refs > 0 {
		return
	}
	for _, k := range n.kids {
		v.letGo(k)
	}
	for _, it := range n.items {
		v.drop(it)
	}
	if n.at.len != 0 {
		v.space.release(n.at.addr/uint64(v.Page), 1)
	}
}
