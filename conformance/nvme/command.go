package nvme

import (
	"encoding/binary"
	"fmt"
	"strings"

	"tensoros/conformance/script"
	"tensoros/hw"
	spec "tensoros/hw/spec/nvme"
)

// field is bits of double words 10 to 15, counted from bit 0 of double word 10.
type field struct{ at, width int }

// at is a field of a double word.
func at(dw, hi, lo int) field { return field{(dw-10)*32 + lo, hi - lo + 1} }

// commandFields are the fields of commands by the names that cases use (Base, section 5; NVM, 3.2).
var commandFields = map[string]field{
	"cns": at(10, 7, 0), "cntid": at(10, 31, 16), "csi": at(11, 31, 24),
	"lid": at(10, 7, 0), "lsp": at(10, 14, 8), "rae": at(10, 15, 15), "numdl": at(10, 31, 16),
	"numdu": at(11, 15, 0), "lpo": {64, 64}, "ot": at(14, 23, 23),
	"fid": at(10, 7, 0), "select": at(10, 10, 8), "sv": at(10, 31, 31), "value": at(11, 31, 0),
	"qid": at(10, 15, 0), "size": at(10, 31, 16), "pc": at(11, 0, 0), "ien": at(11, 1, 1),
	"iv": at(11, 31, 16), "prio": at(11, 2, 1), "cqid": at(11, 31, 16),
	"sqid": at(10, 15, 0), "abortcid": at(10, 31, 16),
	"sel": at(10, 3, 0), "lbaf": at(10, 3, 0), "mset": at(10, 4, 4), "pi": at(10, 7, 5),
	"ses": at(10, 11, 9), "sanact": at(10, 2, 0), "ause": at(10, 3, 3), "slot": at(10, 2, 0),
	"action": at(10, 5, 3), "stc": at(10, 3, 0),
	"slba": {0, 64}, "nlb": at(12, 15, 0), "deac": at(12, 25, 25), "prinfo": at(12, 29, 26),
	"fua": at(12, 30, 30), "lr": at(12, 31, 31),
	"nr": at(10, 7, 0), "ad": at(11, 2, 2), "idw": at(11, 1, 1), "idr": at(11, 0, 0),
	"copynr": at(12, 7, 0), "rrega": at(10, 2, 0), "iekey": at(10, 3, 3), "rtype": at(10, 15, 8),
	"eds":   at(11, 0, 0),
	"cdw10": at(10, 31, 0), "cdw11": at(11, 31, 0), "cdw12": at(12, 31, 0), "cdw13": at(13, 31, 0),
	"cdw14": at(14, 31, 0), "cdw15": at(15, 31, 0),
}

// commandOp is a command by the name that cases use.
type commandOp struct {
	name   string
	opcode uint8
	bytes  func(s *suite, c *spec.Command) int // of data; nil: none
	preset uint32                              // CDW11 unless the case sets it
}

func fixedLen(n int) func(*suite, *spec.Command) int {
	return func(*suite, *spec.Command) int { return n }
}

func blocksLen(s *suite, c *spec.Command) int {
	return (int(spec.RWNLB.Get(uint64(c.CDW12))) + 1) * int(s.block())
}

func rangesLen(*suite, *spec.Command) int { return spec.IdentifyLen }

func logLen(_ *suite, c *spec.Command) int {
	n := spec.LogNUMDL.Get(uint64(c.CDW10)) | spec.LogNUMDU.Get(uint64(c.CDW11))<<16
	return int(n+1) * 4
}

var adminOps = []commandOp{
	{"deletesq", spec.DeleteSQ, nil, 0}, {"createsq", spec.CreateSQ, nil, 1},
	{"getlog", spec.GetLogPage, logLen, 0}, {"deletecq", spec.DeleteCQ, nil, 0},
	{"createcq", spec.CreateCQ, nil, 1}, {"identify", spec.Identify, fixedLen(4096), 0},
	{"abort", spec.Abort, nil, 0}, {"setfeature", spec.SetFeatures, fixedLen(4096), 0},
	{"getfeature", spec.GetFeatures, fixedLen(4096), 0}, {"aer", spec.AsyncEvent, nil, 0},
	{"nsmanage", spec.NamespaceManage, fixedLen(4096), 0},
	{"fwcommit", spec.FirmwareCommit, nil, 0},
	{"fwdownload", spec.FirmwareDownload, fixedLen(4096), 0},
	{"selftest", spec.SelfTest, nil, 0}, {"nsattach", spec.NamespaceAttach, fixedLen(4096), 0},
	{"keepalive", spec.KeepAlive, nil, 0}, {"dbbuf", spec.DoorbellBuffer, nil, 0},
	{"fabrics", spec.Fabrics, nil, 0}, {"format", spec.FormatNVM, nil, 0},
	{"sanitize", spec.Sanitize, nil, 0},
}

var ioOps = []commandOp{
	{"flush", spec.Flush, nil, 0}, {"write", spec.Write, blocksLen, 0},
	{"read", spec.Read, blocksLen, 0}, {"uncor", spec.WriteUncorrectable, nil, 0},
	{"compare", spec.Compare, blocksLen, 0}, {"zeroes", spec.WriteZeroes, nil, 0},
	{"dsm", spec.DSM, rangesLen, 0}, {"verify", spec.Verify, nil, 0},
	{"copy", spec.Copy, rangesLen, 0}, {"register", spec.ReserveRegister, fixedLen(16), 0},
	{"report", spec.ReserveReport, fixedLen(4096), 0},
	{"acquire", spec.ReserveAcquire, fixedLen(16), 0},
	{"release", spec.ReserveRelease, fixedLen(8), 0},
}

// changing are admin commands after which namespaces may be others.
var changing = map[uint8]bool{spec.NamespaceManage: true, spec.NamespaceAttach: true,
	spec.FormatNVM: true, spec.Sanitize: true}

// find returns the command of a name, or of an opcode as a number.
func (s *suite) find(name string, admin bool, a *script.Args) (*commandOp, error) {
	rows := ioOps
	if admin {
		rows = adminOps
	}
	for i := range rows {
		if rows[i].name == name {
			return &rows[i], nil
		}
	}
	v, err := a.Word(0)
	if err == nil && v > 0xff {
		err = fmt.Errorf("opcode %#x", v)
	}
	return &commandOp{name: name, opcode: uint8(v)}, err
}

// build makes a command of a line. A queue that it creates gets memory.
func (s *suite) build(op *commandOp, admin bool, a *script.Args) (c spec.Command, err error) {
	c.Opcode = op.opcode
	if !admin {
		c.NSID = s.nsid
	}
	var dw [6]uint32
	dw[1] = op.preset
	for _, f := range sortedKeys(a.Keys) {
		if err := s.set(&c, &dw, f, a); err != nil {
			return c, err
		}
	}
	c.CDW10, c.CDW11, c.CDW12, c.CDW13, c.CDW14, c.CDW15 = dw[0], dw[1], dw[2], dw[3], dw[4], dw[5]
	if !a.Has("cid") {
		if s.cid++; s.cid == 0xffff {
			s.cid = 1
		}
		c.CID = s.cid
	}
	if admin && (op.opcode == spec.CreateCQ || op.opcode == spec.CreateSQ) && !a.Has("prp1") {
		return c, s.queueRoom(&c)
	}
	n := 0
	if op.bytes != nil {
		n = op.bytes(s, &c)
	}
	return c, s.point(&c, n, a)
}

// queueRoom gives a queue that is to be created memory, a page at least.
func (s *suite) queueRoom(c *spec.Command) error {
	n := min(int(c.CDW10>>16)+1, 4096) * spec.CQELen
	if c.Opcode == spec.CreateSQ {
		n *= spec.SQELen / spec.CQELen
	}
	at, err := s.room(n)
	c.PRP1 = at
	return err
}

// set stores a key of a line.
func (s *suite) set(c *spec.Command, dw *[6]uint32, key string, a *script.Args) error {
	if _, ok := otherKeys[key]; ok {
		return nil
	}
	v, err := a.Key(key, 0)
	if err != nil {
		return err
	}
	switch key {
	case "nsid":
		c.NSID = uint32(v)
	case "cid":
		c.CID = uint16(v)
	case "flags":
		c.Flags = uint8(v)
	case "fuse":
		c.Flags |= uint8(spec.FlagFUSE.Put(0, v))
	case "psdt":
		c.Flags |= uint8(spec.FlagPSDT.Put(0, v))
	case "mptr":
		c.MPTR = v
	case "cdw2":
		c.CDW2 = uint32(v)
	case "cdw3":
		c.CDW3 = uint32(v)
	case "numd":
		dw[0] |= uint32(v) << 16
		dw[1] |= uint32(v) >> 16
	default:
		f, ok := commandFields[key]
		if !ok {
			return fmt.Errorf("commands have no field %q", key)
		}
		return put(dw, f, v)
	}
	return nil
}

// otherKeys do not say what is in the command, or are looked at later.
var otherKeys = map[string]struct{}{"is": {}, "timeout": {}, "q": {}, "ring": {}, "prp1": {},
	"prp2": {}, "len": {}, "at": {}, "gap": {}, "list": {}, "sgl": {}, "ack": {}}

func put(dw *[6]uint32, f field, v uint64) error {
	if f.width < 64 && v>>f.width != 0 {
		return fmt.Errorf("%#x does not fit %d bits", v, f.width)
	}
	for i := range f.width {
		bit := f.at + i
		dw[bit/32] = dw[bit/32]&^(1<<(bit%32)) | uint32(v>>i&1)<<(bit%32)
	}
	return nil
}

// point makes the data pointer of n bytes unless the line says otherwise.
func (s *suite) point(c *spec.Command, n int, a *script.Args) error {
	vals := map[string]uint64{"len": uint64(n), "at": s.data, "gap": 1, "list": s.list, "sgl": 0,
		"prp1": 0, "prp2": 0}
	for k := range vals {
		v, err := a.Key(k, vals[k])
		if err != nil {
			return err
		}
		vals[k] = v
	}
	switch {
	case a.Has("prp1") || a.Has("prp2"):
		c.PRP1, c.PRP2 = vals["prp1"], vals["prp2"]
		return nil
	case vals["len"] == 0:
		return nil
	case vals["sgl"] == 1:
		c.SetSGL1(spec.SGL{Addr: vals["at"], Len: uint32(vals["len"])})
		return nil
	}
	return s.prps(c, vals["at"], vals["len"], vals["gap"], vals["list"])
}

// prps makes PRPs over n bytes at an address, a page every gap pages, chained over the pages of
// the list where it needs more than one.
func (s *suite) prps(c *spec.Command, at, n, gap, list uint64) error {
	page := s.page()
	c.PRP1 = at
	first := page - at%page
	if n <= first {
		return nil
	}
	next, pages := at-at%page+gap*page, (n-first+page-1)/page
	if pages == 1 {
		c.PRP2 = next
		return nil
	}
	c.PRP2 = list
	for i := range pages {
		if last := page - spec.PRPEntryLen; list%page == last && i+1 < pages {
			on := list + spec.PRPEntryLen
			if err := s.store(list, 8, on); err != nil {
				return err
			}
			list = on
		}
		if err := s.store(list, 8, next+i*gap*page); err != nil {
			return err
		}
		list += spec.PRPEntryLen
	}
	return nil
}

// store puts a number of n bytes into memory.
func (s *suite) store(at uint64, n int, v uint64) error {
	p, err := s.span(at, uint64(n))
	if err != nil {
		return err
	}
	var w [8]byte
	binary.LittleEndian.PutUint64(w[:], v)
	copy(p, w[:n])
	return nil
}

// command does the verbs admin, io and submit.
func (s *suite) command(verb string, a *script.Args) error {
	if len(a.Words) == 0 {
		return fmt.Errorf("which command?")
	}
	q := uint64(1)
	if verb == "admin" {
		q = 0
	}
	q, err := a.Key("q", q)
	if err != nil {
		return err
	}
	if q == 1 && s.sqs[1] == nil {
		if err := s.pair(1, 64, 1, 0, 0); err != nil {
			return err
		}
	}
	op, err := s.find(a.Words[0], q == 0, a)
	if err != nil {
		return err
	}
	c, err := s.build(op, q == 0, a)
	if err != nil {
		return err
	}
	s.dirty = s.dirty || q == 0 && changing[c.Opcode]
	if err := s.put(int(q), c); err != nil {
		return err
	}
	if v, err := a.Key("ring", 1); err != nil || v == 0 {
		return err
	}
	if err := s.ring(int(q)); err != nil || verb == "submit" {
		return err
	}
	return s.finish(int(q), &c, a)
}

// finish waits for a command and holds its status against the line's.
func (s *suite) finish(q int, c *spec.Command, a *script.Args) error {
	limit, err := a.Key("timeout", uint64(patience))
	if err != nil {
		return err
	}
	if err := s.host.wait(s.sqs[q].cq, hw.Time(limit), true); err != nil {
		return err
	}
	if int(s.last.SQID) != q || s.last.CID != c.CID {
		return script.Failure("a completion for command %#x of queue %d, not %#x of %d",
			s.last.CID, s.last.SQID, c.CID, q)
	}
	if q == 0 {
		s.track(c)
	}
	return s.expect(a)
}

// expect holds the last status against is=.
func (s *suite) expect(a *script.Args) error {
	if !a.Has("is") {
		return nil
	}
	for name := range strings.SplitSeq(a.Keys["is"], "/") {
		want, ok := statuses[name]
		if !ok {
			return fmt.Errorf("there is no status %q", name)
		}
		if s.last.Status.Code() == want {
			return nil
		}
	}
	return script.Failure("the status is %v, not %s", s.last.Status, a.Keys["is"])
}

// track follows the queues that were created and deleted.
func (s *suite) track(c *spec.Command) {
	id, size := int(c.CDW10&0xffff), int(c.CDW10>>16)+1
	if !s.last.Status.OK() {
		return
	}
	switch c.Opcode {
	case spec.CreateCQ:
		s.cqs[id] = &cq{at: c.PRP1, size: size, phase: true}
	case spec.CreateSQ:
		s.sqs[id] = &sq{at: c.PRP1, size: size, cq: int(c.CDW11 >> 16)}
	case spec.DeleteCQ:
		delete(s.cqs, id)
	case spec.DeleteSQ:
		delete(s.sqs, id)
		for key := range s.left {
			if int(key>>16) == id {
				delete(s.left, key)
			}
		}
	}
}

// pair creates a submission queue, and its completion queue if there is none of that number.
func (s *suite) pair(id, size, cqid int, vector uint64, ien uint64) error {
	run := func(c spec.Command) error {
		c.CDW10 = uint32(size-1)<<16 | c.CDW10
		if err := s.queueRoom(&c); err != nil {
			return err
		}
		if err := s.must(c); err != nil {
			return err
		}
		s.track(&c)
		return nil
	}
	if s.cqs[cqid] == nil {
		err := run(spec.Command{Opcode: spec.CreateCQ, CDW10: uint32(cqid),
			CDW11: uint32(vector)<<16 | uint32(ien)<<1 | 1})
		if err != nil {
			return err
		}
	}
	return run(spec.Command{Opcode: spec.CreateSQ, CDW10: uint32(id), CDW11: uint32(cqid)<<16 | 1})
}
