package script

import (
	"fmt"
	"strconv"
	"strings"
)

// Env gives names their meaning.
type Env interface {
	// Value is the value of a name; ok is false if there is none of it.
	Value(name string) (v uint64, ok bool, err error)
	// Call is the value of a function; ok is false if there is none of that name.
	Call(name string, args []uint64) (v uint64, ok bool, err error)
}

// operators by rank, as Go ranks them.
var operators = map[string]int{"||": 1, "&&": 2, "==": 3, "!=": 3, "<": 3, "<=": 3, ">": 3, ">=": 3,
	"+": 4, "-": 4, "|": 4, "^": 4, "*": 5, "/": 5, "%": 5, "<<": 5, ">>": 5, "&": 5, "&^": 5}

type parser struct {
	text string
	at   int
	env  Env
	dry  bool // only the form is looked at
	deep int
}

// maxDepth bounds parentheses.
const maxDepth = 100

// Eval computes an expression.
func Eval(text string, env Env) (uint64, error) {
	p := &parser{text: text, env: env}
	return p.whole()
}

// Form checks the form of an expression without its names.
func Form(text string) error {
	p := &parser{text: text, dry: true}
	_, err := p.whole()
	return err
}

func (p *parser) whole() (uint64, error) {
	v, err := p.binary(1)
	if err == nil && p.peek() != 0 {
		err = p.fail("%q is left over", p.text[p.at:])
	}
	return v, err
}

func (p *parser) fail(format string, args ...any) error {
	return fmt.Errorf("column %d of %q: %s", p.at+1, p.text, fmt.Sprintf(format, args...))
}

func (p *parser) peek() byte {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t') {
		p.at++
	}
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

// operator is the operator that comes next, "" if none does.
func (p *parser) operator() string {
	p.peek()
	for n := min(2, len(p.text)-p.at); n > 0; n-- {
		if op := p.text[p.at : p.at+n]; operators[op] > 0 {
			return op
		}
	}
	return ""
}

func (p *parser) binary(rank int) (uint64, error) {
	if p.deep++; p.deep > maxDepth {
		return 0, p.fail("more than %d levels", maxDepth)
	}
	defer func() { p.deep-- }()
	left, err := p.unary()
	for err == nil {
		op := p.operator()
		if operators[op] < rank || op == "" {
			break
		}
		p.at += len(op)
		var right uint64
		if right, err = p.binary(operators[op] + 1); err == nil {
			left, err = p.apply(op, left, right)
		}
	}
	return left, err
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func (p *parser) apply(op string, a, b uint64) (uint64, error) {
	switch op {
	case "||":
		return truth(a != 0 || b != 0), nil
	case "&&":
		return truth(a != 0 && b != 0), nil
	case "==":
		return truth(a == b), nil
	case "!=":
		return truth(a != b), nil
	case "<":
		return truth(a < b), nil
	case "<=":
		return truth(a <= b), nil
	case ">":
		return truth(a > b), nil
	case ">=":
		return truth(a >= b), nil
	case "+":
		return a + b, nil
	case "-":
		return a - b, nil
	case "|":
		return a | b, nil
	case "^":
		return a ^ b, nil
	case "*":
		return a * b, nil
	case "&":
		return a & b, nil
	case "&^":
		return a &^ b, nil
	case "<<":
		return a << b, nil
	case ">>":
		return a >> b, nil
	}
	if p.dry {
		return 0, nil
	}
	if b == 0 {
		return 0, p.fail("division by zero")
	}
	if op == "/" {
		return a / b, nil
	}
	return a % b, nil
}

func (p *parser) unary() (uint64, error) {
	switch c := p.peek(); {
	case c == '!' || c == '-' || c == '^':
		p.at++
		if p.deep++; p.deep > maxDepth {
			return 0, p.fail("more than %d levels", maxDepth)
		}
		defer func() { p.deep-- }()
		v, err := p.unary()
		switch c {
		case '!':
			return truth(v == 0), err
		case '-':
			return -v, err
		}
		return ^v, err
	case c == '(':
		p.at++
		v, err := p.binary(1)
		if err == nil && p.peek() != ')' {
			err = p.fail("a ) is missing")
		}
		p.at++
		return v, err
	case c >= '0' && c <= '9':
		return p.number()
	case letter(c):
		return p.name()
	case c == 0:
		return 0, p.fail("something is missing here")
	}
	return 0, p.fail("%q is not expected", p.text[p.at:])
}

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

func (p *parser) word() string {
	start := p.at
	for p.at < len(p.text) {
		if c := p.text[p.at]; !letter(c) && (c < '0' || c > '9') && c != '.' {
			break
		}
		p.at++
	}
	return p.text[start:p.at]
}

func (p *parser) number() (uint64, error) {
	at := p.at
	w := p.word()
	v, err := strconv.ParseUint(w, 0, 64)
	if err != nil {
		p.at = at
		return 0, p.fail("%q is no number of 64 bits", w)
	}
	return v, nil
}

func (p *parser) name() (uint64, error) {
	at := p.at
	name := p.word()
	if p.peek() == '(' {
		return p.call(name, at)
	}
	if p.dry {
		return 1, nil
	}
	v, ok, err := p.env.Value(name)
	if err == nil && !ok {
		p.at = at
		err = p.fail("there is no %q", name)
	}
	return v, err
}

func (p *parser) call(name string, at int) (uint64, error) {
	p.at++ // the parenthesis
	var args []uint64
	for p.peek() != ')' {
		if len(args) > 0 {
			if p.peek() != ',' {
				return 0, p.fail("a , or ) is missing")
			}
			p.at++
		}
		v, err := p.binary(1)
		if err != nil {
			return 0, err
		}
		args = append(args, v)
	}
	p.at++
	if p.dry {
		return 1, nil
	}
	v, ok, err := p.env.Call(name, args)
	if err == nil && !ok {
		p.at = at
		err = p.fail("there is no function %q of %d arguments", name, len(args))
	}
	return v, err
}

// Words splits the rest of a line at blanks outside of parentheses and quotes. An operator between
// blanks joins what is around it.
func Words(text string) []string {
	var out []string
	for _, w := range blanks(text) {
		last := len(out) - 1
		if last >= 0 && (operators[w] > 0 || operators[lastWord(out[last])] > 0) {
			out[last] += " " + w
		} else {
			out = append(out, w)
		}
	}
	return out
}

func lastWord(s string) string { return s[strings.LastIndexByte(s, ' ')+1:] }

func blanks(text string) []string {
	var out []string
	depth, quoted, start := 0, false, -1
	for i := 0; i <= len(text); i++ {
		blank := i == len(text) || (text[i] == ' ' || text[i] == '\t') && depth == 0 && !quoted
		switch {
		case blank && start >= 0:
			out = append(out, text[start:i])
			start = -1
		case !blank && start < 0:
			start = i
		}
		if i < len(text) {
			switch text[i] {
			case '"':
				quoted = !quoted
			case '(':
				depth++
			case ')':
				depth--
			}
		}
	}
	return out
}

// cutComment drops what follows a # that begins a word.
func cutComment(line string) string {
	for i := range line {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') &&
			strings.Count(line[:i], `"`)%2 == 0 {
			return line[:i]
		}
	}
	return line
}
