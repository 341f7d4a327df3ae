package perfetto

import (
	"fmt"
	"strings"

	"tensoros/traces"
)

// node is a Perfetto track. Its uuid is its index + 1: 0 is Perfetto's implicit track.
type node struct {
	name     string
	parent   int32 // -1 for a root
	rank     int   // among its siblings
	children int
	counter  bool
	unit     uint64 // of a counter; 0 for none
	doc      string
}

// tree is the tracks, made of the elements of the trace's paths.
type tree struct {
	nodes    []node
	leaf     []int32          // of each track of the trace
	paths    map[string]int32 // node by path
	counters map[[2]int]int32 // by track and kind
}

func newTree(tr *traces.Trace) *tree {
	t := &tree{paths: map[string]int32{}, counters: map[[2]int]int32{}}
	for _, path := range tr.Tracks {
		t.leaf = append(t.leaf, t.path(path))
	}
	return t
}

func (t *tree) path(path string) int32 {
	if n, ok := t.paths[path]; ok {
		return n
	}
	parent, name := int32(-1), path
	if cut := strings.LastIndexByte(path, '/'); cut > 0 {
		parent, name = t.path(path[:cut]), path[cut+1:]
	}
	n := t.add(node{name: name, parent: parent})
	t.paths[path] = n
	return n
}

func (t *tree) add(n node) int32 {
	if n.parent >= 0 {
		n.rank = t.nodes[n.parent].children
		t.nodes[n.parent].children++
	}
	t.nodes = append(t.nodes, n)
	return int32(len(t.nodes) - 1)
}

// lane is an extra lane below a track. The name is unlike its siblings': Perfetto merges tracks of
// one name.
func (t *tree) lane(track traces.Track, number int) int32 {
	return t.add(node{name: fmt.Sprintf("lane %d", number), parent: t.leaf[track]})
}

func (t *tree) counter(track traces.Track, kind int, p *traces.Point) int32 {
	key := [2]int{int(track), kind}
	n, ok := t.counters[key]
	if !ok {
		unit := uint64(unitCount)
		if p.Args[0].Unit == traces.Bytes {
			unit = unitBytes
		}
		n = t.add(node{name: p.Name, parent: t.leaf[track], counter: true, unit: unit, doc: p.Doc})
		t.counters[key] = n
	}
	return n
}

// descriptor writes a node's TrackDescriptor. suffix goes on the names of roots.
func (t *tree) descriptor(m *pb, i int, suffix string) {
	n := &t.nodes[i]
	m.uint(trackUUID, uint64(i)+1)
	if n.parent < 0 {
		m.text(trackName, n.name+suffix)
	} else {
		m.text(trackName, n.name)
		m.uint(trackParent, uint64(n.parent)+1)
		m.uint(trackRank, uint64(n.rank))
	}
	if n.children > 0 {
		m.uint(trackOrdering, orderExplicit)
	}
	if n.counter {
		var c pb
		c.uint(counterUnit, n.unit)
		m.message(trackCounter, &c)
	}
	if n.doc != "" {
		m.text(trackDoc, n.doc)
	}
}
