package nvme

import (
	"fmt"
	"strconv"
	"strings"

	spec "tensoros/hw/spec/nvme"
	"tensoros/sim"
)

// FaultPlan is a list of faults, read from text: a line each, "# ..." is a comment.
//
//	opcode=read lba=100-107: media-error       every read of these blocks fails
//	opcode=write nth=3: status "Write Fault"   the third write; a name of the standard or hex
//	queue=1 every=10: delay 2ms
//	p=0.01: timeout                            a command in a hundred never completes
//	at=5ms: removal                            at a simulated time, whatever is under way
//
// Before the colon, what is struck: opcode= (a name of the standard in lower case with dashes, or a
// number), queue= (0 is the admin queue), nsid=, lba=FIRST[-LAST] in blocks, and when: nth=,
// every=, p=, times= (at most so often), at= (not before). Nothing means every command. After it,
// the effect: media-error, status NAME, timeout, delay TIME, abort, lost-interrupt, corrupt-dma
// [detected], corrupt-cqe, fatal, reset-stuck, removal. The last three strike the controller: with
// at= alone at that time, else when a command matches.
type FaultPlan struct {
	rows []faultRow
}

// Len is the number of faults.
func (p *FaultPlan) Len() int { return len(p.rows) }

type faultRow struct {
	line       int
	opcode     int // -1: any
	admin, io  bool
	queue      int // -1: any
	nsid       uint32
	lba        [2]uint64
	hasLBA     bool
	nth, every uint64
	times      uint64
	chance     float64
	at         sim.Time
	timed      bool // nothing but a time says when
	effect     Effect
	status     spec.Status
	delay      sim.Time
	detected   bool
}

// command reports whether the row waits for commands.
func (r *faultRow) command() bool { return r.effect < EffectFatal || !r.timed }

func (r *faultRow) matches(cmd *command) bool {
	e := &cmd.e
	switch {
	case r.opcode >= 0 && (int(e.Opcode) != r.opcode || cmd.sq.id == 0 && !r.admin ||
		cmd.sq.id != 0 && !r.io):
		return false
	case r.queue >= 0 && cmd.sq.id != r.queue, r.nsid != 0 && e.NSID != r.nsid:
		return false
	case !r.hasLBA:
		return true
	case cmd.sq.id == 0 || cmd.verb == nil || !namesBlocks(e.Opcode):
		return false
	}
	first := e.SLBA()
	return first <= r.lba[1] && first+spec.RWNLB.Get(uint64(e.CDW12)) >= r.lba[0]
}

// namesBlocks reports whether an I/O command has SLBA and NLB.
func namesBlocks(opcode uint8) bool {
	switch opcode {
	case spec.Read, spec.Write, spec.Compare, spec.Verify, spec.WriteZeroes,
		spec.WriteUncorrectable:
		return true
	}
	return false
}

// PlanError is a mistake in a plan, at a line and column from 1.
type PlanError struct {
	Line, Column int
	Text, Hint   string
}

func (e *PlanError) Error() string {
	return fmt.Sprintf("%d:%d: %s; %s", e.Line, e.Column, e.Text, e.Hint)
}

// ParseFaults reads a plan. The error is a *PlanError.
func ParseFaults(text string) (*FaultPlan, error) {
	p := &FaultPlan{}
	for i, line := range strings.Split(text, "\n") {
		body, _, _ := strings.Cut(line, "#")
		if strings.TrimSpace(body) == "" {
			continue
		}
		row, err := parseFault(i+1, body)
		if err != nil {
			return nil, err
		}
		p.rows = append(p.rows, row)
	}
	return p, nil
}

// planWord is a word of a line and its column.
type planWord struct {
	text   string
	column int
}

// planWords cuts at blanks, but not inside of quotes, which it takes off.
func planWords(s string, column int) (words []planWord) {
	for i := 0; i < len(s); {
		switch {
		case s[i] == ' ' || s[i] == '\t' || s[i] == '\r':
			i++
		case s[i] == '"':
			n := strings.IndexByte(s[i+1:], '"')
			if n < 0 {
				n = len(s) - i - 1
			}
			words = append(words, planWord{s[i+1 : i+1+n], column + i})
			i += n + 2
		default:
			n := strings.IndexAny(s[i:], " \t\r")
			if n < 0 {
				n = len(s) - i
			}
			words = append(words, planWord{s[i : i+n], column + i})
			i += n
		}
	}
	return words
}

func parseFault(line int, body string) (faultRow, error) {
	r := faultRow{line: line, opcode: -1, queue: -1}
	fail := func(w planWord, text, hint string) (faultRow, error) {
		return r, &PlanError{line, w.column, text, hint}
	}
	head, tail, ok := strings.Cut(body, ":")
	if !ok {
		return fail(planWord{column: 1}, "there is no colon",
			"write WHAT: EFFECT, as in nth=3: abort")
	}
	others := 0
	for _, w := range planWords(head, 1) {
		key, value, ok := strings.Cut(w.text, "=")
		set := triggers[key]
		if !ok || set == nil {
			return fail(w, fmt.Sprintf("%q says nothing", w.text),
				"opcode= queue= nsid= lba= nth= every= p= times= and at= do")
		}
		if hint := set(&r, value); hint != "" {
			return fail(w, fmt.Sprintf("%q is no %s", value, key), hint)
		}
		if key != "at" {
			others++
		}
	}
	r.timed = r.at > 0 && others == 0
	words := planWords(tail, len(head)+2)
	if len(words) == 0 {
		return fail(planWord{column: len(head) + 2}, "the effect is missing", effectHint)
	}
	i := 0
	for i < len(effectNames) && effectNames[i] != words[0].text {
		i++
	}
	if i == len(effectNames) {
		return fail(words[0], fmt.Sprintf("%q is no effect", words[0].text), effectHint)
	}
	r.effect = Effect(i)
	used, bad, hint := r.argument(words[1:])
	bad.column = max(bad.column, words[0].column)
	switch {
	case hint != "":
		return fail(bad, fmt.Sprintf("%q does not go with %v", bad.text, r.effect), hint)
	case len(words) > 1+used:
		return fail(words[1+used], fmt.Sprintf("%q is too much", words[1+used].text),
			"one effect a line")
	}
	return r, nil
}

var effectHint = "effects are " + strings.Join(effectNames[:], ", ")

// argument takes what follows the effect's name, and returns how many words that were.
func (r *faultRow) argument(words []planWord) (used int, bad planWord, hint string) {
	var w planWord
	if len(words) > 0 {
		w = words[0]
	}
	ok := false
	switch r.effect {
	case EffectStatus:
		if r.status, ok = spec.FindStatus(w.text); !ok || r.status.OK() {
			return 0, w, `name a status as the standard does, in quotes, or by three hex digits: 281`
		}
		return 1, w, ""
	case EffectDelay:
		if r.delay, ok = planTime(w.text); !ok {
			return 0, w, timeHint
		}
		return 1, w, ""
	case EffectCorruptDMA:
		if w.text == "detected" {
			r.detected = true
			return 1, w, ""
		}
	}
	return 0, w, ""
}

const (
	timeHint   = "a time is a number and ns, us, ms or s: 50us"
	numberHint = "a whole number, at least 1"
)

// triggers set what stands before the colon; they return a hint when the value is wrong.
var triggers = map[string]func(r *faultRow, v string) string{
	"opcode": (*faultRow).setOpcode,
	"queue": func(r *faultRow, v string) string {
		n, err := strconv.ParseUint(v, 0, 16)
		r.queue = int(n)
		return hintIf(err != nil, "queue ids are 0 to 65535; 0 is the admin queue")
	},
	"nsid": func(r *faultRow, v string) string {
		n, err := strconv.ParseUint(v, 0, 32)
		r.nsid = uint32(n)
		return hintIf(err != nil || n == 0, numberHint)
	},
	"lba": func(r *faultRow, v string) string {
		first, last, more := strings.Cut(v, "-")
		a, err := strconv.ParseUint(first, 0, 64)
		b := a
		if more && err == nil {
			b, err = strconv.ParseUint(last, 0, 64)
		}
		r.lba, r.hasLBA = [2]uint64{a, b}, true
		return hintIf(err != nil || b < a, "blocks are FIRST or FIRST-LAST")
	},
	"nth":   func(r *faultRow, v string) string { return planCount(&r.nth, v) },
	"every": func(r *faultRow, v string) string { return planCount(&r.every, v) },
	"times": func(r *faultRow, v string) string { return planCount(&r.times, v) },
	"p": func(r *faultRow, v string) string {
		p, err := strconv.ParseFloat(v, 64)
		r.chance = p
		return hintIf(err != nil || !(p > 0 && p <= 1), "a probability is above 0 and at most 1")
	},
	"at": func(r *faultRow, v string) string {
		t, ok := planTime(v)
		r.at = t
		return hintIf(!ok || t == 0, timeHint)
	},
}

func hintIf(bad bool, hint string) string {
	if bad {
		return hint
	}
	return ""
}

func planCount(to *uint64, v string) string {
	n, err := strconv.ParseUint(v, 0, 64)
	*to = n
	return hintIf(err != nil || n == 0, numberHint)
}

// planTime reads a simulated time.
func planTime(v string) (sim.Time, bool) {
	for _, u := range []struct {
		name string
		unit sim.Time
	}{{"ns", sim.Nanosecond}, {"us", sim.Microsecond}, {"ms", sim.Millisecond}, {"s", sim.Second}} {
		if digits, ok := strings.CutSuffix(v, u.name); ok {
			n, err := strconv.ParseUint(digits, 10, 32)
			return sim.Time(n) * u.unit, err == nil
		}
	}
	return 0, false
}

// setOpcode takes a number, which means either queue's command, or a name.
func (r *faultRow) setOpcode(v string) string {
	if n, err := strconv.ParseUint(v, 0, 8); err == nil {
		r.opcode, r.admin, r.io = int(n), true, true
		return ""
	}
	for _, t := range []struct {
		rows []spec.OpcodeRow
		flag *bool
	}{{spec.AdminOpcodes, &r.admin}, {spec.NVMOpcodes, &r.io}} {
		for _, o := range t.rows {
			if planName(o.Name) == v {
				r.opcode, *t.flag = int(o.Opcode), true
				return ""
			}
		}
	}
	return "as in opcode=read, opcode=write-zeroes, opcode=get-log-page, or opcode=0x02"
}

// planName is a name of the standard in lower case with dashes for blanks.
func planName(s string) string {
	return strings.ToLower(strings.NewReplacer(" ", "-", "/", "").Replace(s))
}
