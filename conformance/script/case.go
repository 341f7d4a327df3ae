package script

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// Case is a section of a file.
type Case struct {
	Group, Name string // of the file and of the section
	File        string
	Rules       []string
	body        []statement
}

// statement is a line, and the lines of its block if it is a loop.
type statement struct {
	line int
	verb string // "" for an assignment
	rest string // of the line; of an assignment the expression
	name string // that is assigned, or of the loop's variable
	from string // of a loop
	to   string
	body []statement
}

// Position is a mistake in a file.
type Position struct {
	File string
	Line int
	Err  error
}

func (p *Position) Error() string { return fmt.Sprintf("%s:%d: %v", p.File, p.Line, p.Err) }

func (p *Position) Unwrap() error { return p.Err }

// Parse reads the cases of a file. Verbs and names are looked up when a case runs.
func Parse(file, group string, data []byte) ([]Case, error) {
	for i, l := range strings.Split(string(data), "\n") {
		l = strings.TrimRight(l, "\r")
		if strings.HasPrefix(l, "-- ") && strings.HasSuffix(l, " --") && len(l) < len("-- x --") {
			// the library panics
			return nil, &Position{file, i + 1, errors.New("a case without a name")}
		}
	}
	a := txtar.Parse(data)
	line := 1 + strings.Count(string(a.Comment), "\n")
	var out []Case
	seen := map[string]bool{}
	for _, f := range a.Files {
		c := Case{Group: group, Name: f.Name, File: file}
		if seen[f.Name] {
			return nil, &Position{file, line, fmt.Errorf("case %s stands twice", f.Name)}
		}
		seen[f.Name] = true
		p := &reader{file: file, line: line + 1, lines: strings.Split(string(f.Data), "\n"), c: &c}
		body, err := p.block(0)
		if err != nil {
			return nil, err
		}
		if len(c.Rules) == 0 {
			return nil, &Position{file, line, fmt.Errorf("case %s names no rule", f.Name)}
		}
		c.body = body
		out = append(out, c)
		line += 1 + strings.Count(string(f.Data), "\n")
	}
	return out, nil
}

// ParseDir reads the cases of all files of a folder, in the order of their names; a file's group is
// its name without .txtar.
func ParseDir(fsys fs.FS, dir string) ([]Case, error) {
	list, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	var out []Case
	for _, e := range list {
		name := path.Join(dir, e.Name())
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		cases, err := Parse(name, strings.TrimSuffix(e.Name(), ".txtar"), data)
		if err != nil {
			return nil, err
		}
		out = append(out, cases...)
	}
	return out, nil
}

type reader struct {
	file  string
	line  int // of lines[0]
	lines []string
	c     *Case
}

func (r *reader) fail(line int, format string, args ...any) error {
	return &Position{r.file, line, fmt.Errorf(format, args...)}
}

const maxNesting = 8

// block reads statements up to the end of the section, or of a loop.
func (r *reader) block(depth int) ([]statement, error) {
	var out []statement
	for len(r.lines) > 0 {
		at, text := r.line, strings.TrimSpace(cutComment(r.lines[0]))
		r.lines, r.line = r.lines[1:], r.line+1
		verb, rest, _ := strings.Cut(text, " ")
		rest = strings.TrimSpace(rest)
		switch {
		case text == "":
			continue
		case verb == "end":
			if depth == 0 {
				return nil, r.fail(at, "end without for")
			}
			return out, nil
		case verb == "rule":
			r.c.Rules = append(r.c.Rules, strings.Fields(rest)...)
			continue
		}
		s, err := r.statement(at, verb, rest, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	if depth > 0 {
		return nil, r.fail(r.line-1, "for without end")
	}
	return out, nil
}

func (r *reader) statement(at int, verb, rest string, depth int) (statement, error) {
	s := statement{line: at, verb: verb, rest: rest}
	var forms []string
	switch {
	case strings.HasPrefix(rest, ":="):
		s.verb, s.name, s.rest = "", verb, strings.TrimSpace(rest[2:])
		forms = []string{s.rest}
	case verb == "for":
		w := Words(rest)
		if len(w) != 3 || depth == maxNesting {
			return s, r.fail(at, "write: for NAME FROM TO, at most %d deep", maxNesting)
		}
		s.name, s.from, s.to = w[0], w[1], w[2]
		forms = w[1:]
	case verb == "check" || verb == "need":
		forms = []string{rest}
	}
	for _, f := range forms {
		if err := Form(f); err != nil {
			return s, r.fail(at, "%w", err)
		}
	}
	if verb == "for" {
		body, err := r.block(depth + 1)
		s.body = body
		return s, err
	}
	return s, nil
}

// Args are the arguments of a verb.
type Args struct {
	Words []string          // without an =
	Keys  map[string]string // KEY=VALUE
	env   Env
}

// Has reports whether a key is given.
func (a *Args) Has(key string) bool { _, ok := a.Keys[key]; return ok }

// Key is the value of a key, def if it is not given.
func (a *Args) Key(key string, def uint64) (uint64, error) {
	text, ok := a.Keys[key]
	if !ok {
		return def, nil
	}
	return Eval(text, a.env)
}

// Word is the value of a word.
func (a *Args) Word(i int) (uint64, error) {
	if i >= len(a.Words) {
		return 0, fmt.Errorf("argument %d is missing", i+1)
	}
	return Eval(a.Words[i], a.env)
}

// Suite gives the language its verbs and names.
type Suite interface {
	Env
	// Do runs a verb; known is false if there is none of that name.
	Do(verb string, a *Args) (known bool, err error)
}

// ErrSkip is wrapped by errors that say: the target does not offer this.
var ErrSkip = errors.New("not offered")

// failed is a check that does not hold.
type failed struct{ error }

// Outcome is how a case ended.
type Outcome struct {
	Line   int // of the statement that ended it; 0 if it came to its end
	Err    error
	Failed bool // a check does not hold, or a verb says so with Failure
	Skip   bool
}

// Failure makes an error that fails a case, in place of one that says that it cannot be run.
func Failure(format string, args ...any) error { return failed{fmt.Errorf(format, args...)} }

// machine runs a case.
type machine struct {
	suite Suite
	vars  map[string]uint64
	steps int
}

// maxSteps bounds a case.
const maxSteps = 1_000_000

// Value looks a variable up, then the suite's names.
func (m *machine) Value(name string) (uint64, bool, error) {
	if v, ok := m.vars[name]; ok {
		return v, true, nil
	}
	return m.suite.Value(name)
}

// Call is the suite's.
func (m *machine) Call(name string, args []uint64) (uint64, bool, error) {
	return m.suite.Call(name, args)
}

// Run runs a case.
func (c *Case) Run(s Suite) Outcome {
	m := &machine{suite: s, vars: map[string]uint64{}}
	line, err := m.block(c.body)
	if err == nil {
		return Outcome{}
	}
	var f failed
	return Outcome{Line: line, Err: err, Failed: errors.As(err, &f), Skip: errors.Is(err, ErrSkip)}
}

func (m *machine) block(list []statement) (line int, err error) {
	for i := range list {
		s := &list[i]
		if m.steps++; m.steps > maxSteps {
			return s.line, fmt.Errorf("more than %d statements", maxSteps)
		}
		if s.verb == "for" {
			line, err = m.loop(s)
		} else {
			line, err = s.line, m.do(s)
		}
		if err != nil {
			return line, err
		}
	}
	return 0, nil
}

func (m *machine) loop(s *statement) (line int, err error) {
	from, err := Eval(s.from, m)
	if err != nil {
		return s.line, err
	}
	to, err := Eval(s.to, m)
	if err != nil {
		return s.line, err
	}
	for i := from; i <= to; i++ {
		m.vars[s.name] = i
		if line, err := m.block(s.body); err != nil {
			return line, fmt.Errorf("%s = %#x: %w", s.name, i, err)
		}
		if i == ^uint64(0) {
			break
		}
	}
	return 0, nil
}

func (m *machine) do(s *statement) error {
	switch s.verb {
	case "":
		v, err := Eval(s.rest, m)
		m.vars[s.name] = v
		return err
	case "check", "need":
		return m.check(s)
	}
	a := &Args{Keys: map[string]string{}, env: m}
	for _, w := range Words(s.rest) {
		if key, value, ok := strings.Cut(w, "="); ok && !strings.ContainsAny(key, "()<>!\"") {
			a.Keys[key] = value
		} else {
			a.Words = append(a.Words, w)
		}
	}
	known, err := m.suite.Do(s.verb, a)
	if !known {
		return fmt.Errorf("there is no verb %q", s.verb)
	}
	return err
}

// check holds an expression; what it compares is shown when it does not.
func (m *machine) check(s *statement) error {
	v, err := Eval(s.rest, m)
	switch {
	case err != nil || v != 0:
		return err
	case s.verb == "need":
		return fmt.Errorf("%w: needs %s", ErrSkip, s.rest)
	}
	return failed{fmt.Errorf("%s does not hold%s", s.rest, m.sides(s.rest))}
}

// sides are the values on both sides of a comparison.
func (m *machine) sides(text string) string {
	for _, op := range []string{" == ", " != ", " <= ", " >= ", " < ", " > "} {
		l, r, ok := strings.Cut(text, op)
		if !ok {
			continue
		}
		a, err1 := Eval(l, m)
		b, err2 := Eval(r, m)
		if err1 == nil && err2 == nil {
			return fmt.Sprintf(": %#x%s%#x", a, op, b)
		}
	}
	return ""
}
