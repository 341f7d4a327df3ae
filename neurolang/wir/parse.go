package wir

import (
	"fmt"
	"strconv"
	"strings"
)

// Parse reads the text form and verifies it. Errors name the line.
func Parse(text string) (*Func, error) {
	p := &parser{f: &Func{}, regs: map[string]Reg{}}
	p.lines = strings.Split(text, "\n")
	err := p.parse()
	if err != nil {
		return nil, fmt.Errorf("warp IR %d: %w", p.at, err)
	}
	p.order()
	return p.f, Verify(p.f)
}

type parser struct {
	f     *Func
	lines []string
	at    int // lines read
	regs  map[string]Reg
	list  []string // names of registers as they came up
	s     string   // what is left of a line
	depth int
}

// next is the next line that is not empty.
func (p *parser) next() (string, bool) {
	for p.at < len(p.lines) {
		l := strings.TrimSpace(p.lines[p.at])
		p.at++
		if l != "" {
			return l, true
		}
	}
	return "", false
}

func (p *parser) parse() error {
	l, _ := p.next()
	name, _ := strings.CutPrefix(l, "warp @")
	var ok bool
	if name, ok = strings.CutSuffix(name, " {"); !ok || name == "" {
		return fmt.Errorf(`"warp @name {" is expected, not %q`, l)
	}
	p.f.Name = name
	for {
		l, ok := p.next()
		if !ok {
			return fmt.Errorf("the head does not end")
		}
		if l == "} {" {
			break
		}
		if err := p.head(l); err != nil {
			return err
		}
	}
	body, end, err := p.block()
	if err != nil {
		return err
	}
	if end != "}" {
		return fmt.Errorf("%q ends the function", end)
	}
	p.f.Body = body
	if l, ok := p.next(); ok {
		return fmt.Errorf("%q after the end", l)
	}
	return nil
}

func (p *parser) head(l string) (err error) {
	f := p.f
	word, rest, _ := strings.Cut(l, " ")
	var n int
	switch word {
	case "target":
		n, err = fmt.Sscan(rest, &f.Target, &f.Version)
	case "threads":
		n, err = fmt.Sscan(rest, &f.Threads, &f.MinCTAs)
	case "cluster":
		n, err = fmt.Sscan(rest, &f.Cluster)
	case "shared":
		n, err = fmt.Sscan(rest, &f.Shared, &f.Align)
	case "file":
		f.File, err = strconv.Unquote(rest)
	case "param":
		name, decl, ok := strings.Cut(rest, ": ")
		if !ok {
			return fmt.Errorf("a parameter without a type")
		}
		f.Params = append(f.Params, Param{decl, name})
	default:
		return fmt.Errorf("%q begins no line of the head", word)
	}
	if err != nil {
		return fmt.Errorf("%s: %w after %d values", word, err, n)
	}
	return nil
}

// maxDepth bounds nesting.
const maxDepth = 100

// block reads nodes up to a line that begins with "}".
func (p *parser) block() ([]*Node, string, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, "", fmt.Errorf("blocks are nested too deeply")
	}
	defer func() { p.depth-- }()
	var out []*Node
	for {
		l, ok := p.next()
		if !ok {
			return nil, "", fmt.Errorf("a block does not end")
		}
		if l[0] == '}' {
			return out, l, nil
		}
		n := &Node{}
		out = append(out, n)
		if err := p.node(n, l); err != nil {
			return nil, "", err
		}
	}
}

func (p *parser) node(n *Node, l string) (err error) {
	var end string
	switch {
	case strings.HasPrefix(l, "// "):
		n.Kind, n.Op = Note, l[3:]
		return nil
	case l == "loop {":
		n.Kind = Loop
		if n.Body, end, err = p.block(); err != nil {
			return err
		}
		cond, ok := strings.CutPrefix(end, "} while ")
		if !ok {
			return fmt.Errorf("%q ends a loop", end)
		}
		return p.condition(n, p.place(n, cond))
	case strings.HasPrefix(l, "if ") && strings.HasSuffix(l, " {") && len(l) > 5:
		n.Kind = If
		if err = p.condition(n, l[3:len(l)-2]); err != nil {
			return err
		}
		if n.Body, end, err = p.block(); err == nil && end == "} else {" {
			n.Else, end, err = p.block()
		}
		if err == nil && p.place(n, end) != "}" {
			err = fmt.Errorf("%q ends a branch", end)
		}
		return err
	}
	return p.inst(n, p.place(n, l))
}

// place cuts @line:column off the end of a line.
func (p *parser) place(n *Node, l string) string {
	i := strings.LastIndex(l, " @")
	if i < 0 {
		return l
	}
	line, col, ok := strings.Cut(l[i+2:], ":")
	a, err1 := strconv.Atoi(line)
	b, err2 := strconv.Atoi(col)
	if !ok || err1 != nil || err2 != nil || a < 1 {
		return l
	}
	n.Line, n.Col = a, b
	return l[:i]
}

func (p *parser) condition(n *Node, s string) error {
	p.s, n.Not = strings.CutPrefix(s, "!")
	a, err := p.arg()
	if err == nil && (a.Kind != InReg || p.s != "") {
		err = fmt.Errorf("%q is no predicate", s)
	}
	n.Guard = a
	return err
}

func (p *parser) inst(n *Node, l string) (err error) {
	if g, ok := strings.CutPrefix(l, "@"); ok {
		cond, rest, _ := strings.Cut(g, " ")
		if err = p.condition(n, cond); err != nil {
			return err
		}
		l = rest
	}
	if dst, rest, ok := strings.Cut(l, " = "); ok {
		if n.Dst, err = p.args(dst); err != nil {
			return err
		}
		l = rest
	}
	op, rest, _ := strings.Cut(l, " ")
	if n.Op = op; op == "" || strings.ContainsAny(op, "%[]{},@;") {
		return fmt.Errorf("%q is no instruction", l)
	}
	if rest != "" {
		n.Src, err = p.args(rest)
	}
	return err
}

func (p *parser) args(s string) (out []Arg, err error) {
	p.s = s
	for {
		a, err := p.arg()
		if err != nil {
			return nil, err
		}
		out = append(out, a)
		if p.s == "" {
			return out, nil
		}
		if !p.cut(", ") {
			return nil, fmt.Errorf("%q is left of the operands", p.s)
		}
	}
}

func (p *parser) cut(prefix string) bool {
	s, ok := strings.CutPrefix(p.s, prefix)
	p.s = s
	return ok
}

// word takes what is before the next mark.
func (p *parser) word() string {
	i := strings.IndexAny(p.s, ",]}+ ")
	if i < 0 {
		i = len(p.s)
	}
	w := p.s[:i]
	p.s = p.s[i:]
	return w
}

func (p *parser) arg() (Arg, error) {
	switch {
	case p.cut("{"):
		l, err := p.vector()
		return Arg{Kind: Vec, List: l}, err
	case p.cut("["):
		return p.memory()
	}
	w := p.word()
	if w == "" || strings.ContainsAny(w, "{[\"@=;") {
		return Arg{}, fmt.Errorf("%q is no operand", w+p.s)
	}
	if r, ok := p.register(w); ok {
		return Arg{Kind: InReg, Reg: r}, nil
	}
	if n, err := strconv.ParseInt(w, 10, 64); err == nil {
		return Arg{Kind: Imm, Off: n}, nil
	}
	if n, err := strconv.ParseUint(strings.TrimPrefix(w, "0f"), 16, 32); err == nil &&
		len(w) == 10 && w[:2] == "0f" {
		return Arg{Kind: F32, Off: int64(n)}, nil
	}
	if n, err := strconv.ParseUint(strings.TrimPrefix(w, "0d"), 16, 64); err == nil &&
		len(w) == 18 && w[:2] == "0d" {
		return Arg{Kind: F64, Off: int64(n)}, nil
	}
	return Arg{Kind: Sym, Text: w}, nil
}

func (p *parser) vector() (out []Arg, err error) {
	for {
		a, err := p.arg()
		if err != nil || a.Kind == Vec {
			return nil, fmt.Errorf("a vector of %q", p.s)
		}
		out = append(out, a)
		if p.cut("}") {
			return out, nil
		}
		if !p.cut(", ") {
			return nil, fmt.Errorf("a vector does not end")
		}
	}
}

func (p *parser) memory() (a Arg, err error) {
	w := p.word()
	a.Kind = Mem
	var ok bool
	if a.Reg, ok = p.register(w); !ok {
		a.Text = w
	}
	switch {
	case w == "":
		return a, fmt.Errorf("an address without a base")
	case p.cut(", {"):
		a.Kind = Map
		if a.List, err = p.vector(); err != nil {
			return a, err
		}
		if a.Text != "" {
			return a, fmt.Errorf("a map at %q", w)
		}
	case p.cut("+"):
		if a.Off, err = strconv.ParseInt(p.word(), 10, 64); err != nil {
			return a, err
		}
	}
	if !p.cut("]") {
		return a, fmt.Errorf("an address does not end")
	}
	return a, nil
}

// maxRegs bounds the numbers of registers in text.
const maxRegs = 1 << 20

// register finds a register by its name; registers count in the order of their coming up until
// order puts them by name.
func (p *parser) register(w string) (Reg, bool) {
	if len(w) < 3 || w[0] != '%' || w[2] < '0' || w[2] > '9' {
		return 0, false
	}
	n, err := strconv.Atoi(w[2:])
	if err != nil || n > maxRegs || strings.IndexByte("phrd", w[1]) < 0 ||
		w[2:] != strconv.Itoa(n) {
		return 0, false
	}
	r, ok := p.regs[w]
	if !ok {
		r = Reg(len(p.list))
		p.regs[w] = r
		p.list = append(p.list, w)
	}
	return r, true
}

// order numbers registers by class and name, so that the text's names stay.
func (p *parser) order() {
	var count, first [4]int
	class := func(w string) int { return strings.IndexByte("phrd", w[1]) }
	number := func(w string) int { n, _ := strconv.Atoi(w[2:]); return n }
	for _, w := range p.list {
		count[class(w)] = max(count[class(w)], number(w)+1)
	}
	for c := range count {
		if c > 0 {
			first[c] = first[c-1] + count[c-1]
		}
		for range count[c] {
			p.f.Class = append(p.f.Class, Class(c))
		}
	}
	to := make([]Reg, len(p.list))
	for i, w := range p.list {
		to[i] = Reg(first[class(w)] + number(w))
	}
	var walk func(body []*Node)
	walk = func(body []*Node) {
		for _, n := range body {
			sources(n, func(r *Reg) { *r = to[*r] })
			results(n, func(r *Reg) { *r = to[*r] })
			walk(n.Body)
			walk(n.Else)
		}
	}
	walk(p.f.Body)
}
