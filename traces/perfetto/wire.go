package perfetto

import "encoding/binary"

// Field numbers of perfetto_trace.proto (google/perfetto, snapshot of 2026-08-22).
const (
	tracePacket = 1

	packetTimestamp  = 8
	packetSequence   = 10
	packetEvent      = 11
	packetInterned   = 12
	packetFlags      = 13
	packetTrack      = 60
	packetFirst      = 87
	packetAttributes = 126

	trackUUID     = 1
	trackName     = 2
	trackParent   = 5
	trackCounter  = 8
	trackOrdering = 11
	trackRank     = 12
	trackDoc      = 14

	counterUnit = 3

	eventCategories = 3
	eventNotes      = 4
	eventType       = 9
	eventName       = 10
	eventTrack      = 11
	eventCounter    = 30

	noteName    = 1
	noteUint    = 3
	noteString  = 6
	notePointer = 7

	internedCategories = 1
	internedNames      = 2
	internedNotes      = 3
	internedID         = 1
	internedText       = 2

	attribute       = 1
	attributeKey    = 1
	attributeString = 3
)

// Values of enumerations.
const (
	typeBegin   = 1
	typeEnd     = 2
	typeInstant = 3
	typeCounter = 4

	flagCleared = 1 // incremental state starts here
	flagNeeds   = 2 // this packet rests on it

	orderExplicit = 3

	unitCount = 2
	unitBytes = 3
)

// pb is a message being built.
type pb struct{ b []byte }

func (p *pb) tag(field, wire int) {
	p.b = binary.AppendUvarint(p.b, uint64(field)<<3|uint64(wire))
}

func (p *pb) uint(field int, v uint64) {
	p.tag(field, 0)
	p.b = binary.AppendUvarint(p.b, v)
}

func (p *pb) text(field int, s string) {
	p.tag(field, 2)
	p.b = binary.AppendUvarint(p.b, uint64(len(s)))
	p.b = append(p.b, s...)
}

func (p *pb) message(field int, q *pb) {
	p.tag(field, 2)
	p.b = binary.AppendUvarint(p.b, uint64(len(q.b)))
	p.b = append(p.b, q.b...)
}

func (p *pb) reset() { p.b = p.b[:0] }
