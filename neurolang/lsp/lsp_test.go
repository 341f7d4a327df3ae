package lsp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tensoros/neurolang/syntax"
)

const uri = "file:///some/a.nl"

// session sends messages to a server and returns its answers by id, and its notifications.
type session struct {
	in   bytes.Buffer
	next int
}

func (s *session) send(method string, id bool, params any) int {
	m := map[string]any{"jsonrpc": "2.0", "method": method, "params": params}
	if id {
		s.next++
		m["id"] = s.next
	}
	body, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(&s.in, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return s.next
}

// open begins a session with one document.
func open(text string) *session {
	s := &session{}
	s.send("initialize", true, map[string]any{})
	s.send("initialized", false, map[string]any{})
	s.send("textDocument/didOpen", false, map[string]any{"textDocument": map[string]any{"uri": uri,
		"version": 1, "text": text}})
	return s
}

// at asks about the place of a mark's first occurrence in a text.
func (s *session) at(method, text, mark string, more map[string]any) int {
	i := strings.Index(text, mark)
	if i < 0 {
		panic("no " + mark)
	}
	p := map[string]any{"textDocument": map[string]any{"uri": uri},
		"position": position([]byte(text), i)}
	for k, v := range more {
		p[k] = v
	}
	return s.send(method, true, p)
}

func (s *session) end(t *testing.T) (answers map[int]string, notes []string) {
	t.Helper()
	s.send("shutdown", true, nil)
	s.send("exit", false, nil)
	var out bytes.Buffer
	if err := New(&s.in, &out, Options{Version: "test"}).Serve(); err != nil {
		t.Fatal(err)
	}
	answers = map[int]string{}
	r := bufio.NewReader(&out)
	for {
		body, err := read(r)
		if err == io.EOF {
			return answers, notes
		}
		if err != nil {
			t.Fatal(err)
		}
		var m struct {
			ID     int
			Method string
			Params json.RawMessage
			Result json.RawMessage
			Error  json.RawMessage
		}
		if err := json.Unmarshal(body, &m); err != nil {
			t.Fatal(err)
		}
		if m.Method != "" {
			notes = append(notes, m.Method+" "+string(m.Params))
		} else {
			answers[m.ID] = string(m.Result) + string(m.Error)
		}
	}
}

const program = `/// Twice x.
fn twice(x: int) -> int { x * 2 }

/// Adds.
@kernel
fn add(a: Tensor<[N], f32>, b: Tensor<[N], f32>) -> Tensor<[N], f32> by [i: 128] {
    let sum = a[i] + b[i];
    sum
}

fn main() {
    let y = twice(21);
    let t = Tensor::zeros([64], f32);
    print(y, t[0]);
}
`

func TestSession(t *testing.T) {
	s := open(program)
	want := map[int]string{
		s.at("textDocument/hover", program, "twice(21)", nil):      "Twice x.",
		s.at("textDocument/hover", program, "y = twice", nil):      "let y: int",
		s.at("textDocument/hover", program, "sum = a", nil):        "Tile<128, f32>",
		s.at("textDocument/hover", program, "print(y", nil):        "Writes values",
		s.at("textDocument/definition", program, "twice(21)", nil): `"line":1,"character":3`,
		s.at("textDocument/references", program, "twice(x", map[string]any{
			"context": map[string]any{"includeDeclaration": true}}): `"line":11`,
		s.at("textDocument/completion", program, "y, t", nil):      `"label":"twice"`,
		s.at("textDocument/completion", program, ":zeros", nil):    `"label"`,
		s.at("textDocument/prepareRename", program, "y, t", nil):   `"line":13`,
		s.at("textDocument/documentHighlight", program, "y,", nil): `"line":11`,
		s.at("textDocument/rename", program, "y, t",
			map[string]any{"newName": "answer"}): `"newText":"answer"`,
		s.at("textDocument/rename", program, "y, t",
			map[string]any{"newName": "fn"}): `is no name`,
		s.at("textDocument/nothing", program, "y,", nil): `-32601`,
	}
	doc := map[string]any{"textDocument": map[string]any{"uri": uri},
		"range": Range{End: Position{Line: 99}}}
	want[s.send("textDocument/inlayHint", true, doc)] = `": Tile<128, f32>"`
	want[s.send("textDocument/documentSymbol", true, doc)] = `"name":"add"`
	want[s.send("textDocument/semanticTokens/full", true, doc)] = `"data":[0,0,12,1,0,1,0,2,0,0`
	want[s.send("textDocument/formatting", true, doc)] = `[]`
	answers, notes := s.end(t)
	for id, w := range want {
		if !strings.Contains(answers[id], w) {
			t.Errorf("%d: no %s in %s", id, w, answers[id])
		}
	}
	if len(notes) != 1 || !strings.Contains(notes[0], `"diagnostics":[]`) {
		t.Errorf("%q", notes)
	}
}

func TestFindingsFollowTheText(t *testing.T) {
	bad := "fn main() {\n    let x = 1\n    print(y);\n}\n"
	s := open(bad)
	edit := map[string]any{"range": Range{Position{2, 10}, Position{2, 11}}, "text": "x"}
	s.send("textDocument/didChange", false, map[string]any{
		"textDocument":   map[string]any{"uri": uri, "version": 2},
		"contentChanges": []any{edit}})
	fix := s.send("textDocument/codeAction", true, map[string]any{
		"textDocument": map[string]any{"uri": uri}, "range": Range{End: Position{Line: 9}}})
	answers, notes := s.end(t)
	if len(notes) != 2 || !strings.Contains(notes[0], "NL0010") ||
		!strings.Contains(notes[1], "NL0010") {
		t.Errorf("%q", notes)
	}
	if !strings.Contains(answers[fix], `"newText":";"`) {
		t.Errorf("no fix: %s", answers[fix])
	}
}

func TestPositionsAreUTF16(t *testing.T) {
	text := []byte("let é = \"😀x\";\nb")
	for _, c := range []struct {
		at   int
		want Position
	}{{0, Position{0, 0}}, {6, Position{0, 5}}, {14, Position{0, 11}}, {17, Position{0, 14}},
		{18, Position{1, 0}}} {
		if got := position(text, c.at); got != c.want {
			t.Errorf("%d: %v, want %v", c.at, got, c.want)
		}
		if got := offset(text, c.want); got != c.at {
			t.Errorf("%v: %d, want %d", c.want, got, c.at)
		}
	}
}

func FuzzServe(f *testing.F) {
	s := open(program)
	s.at("textDocument/hover", program, "twice", nil)
	f.Add(s.in.Bytes())
	f.Add([]byte("Content-Length: 2\r\n\r\n{}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		_ = New(bytes.NewReader(in), io.Discard, Options{}).Serve()
	})
}

// TestGrammarKnowsAllWords holds the TextMate grammar to the scanner.
func TestGrammarKnowsAllWords(t *testing.T) {
	text, err := os.ReadFile("vscode/neuro.tmLanguage.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Repository map[string]struct {
			Patterns []struct{ Match string }
		}
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, p := range g.Repository["keyword"].Patterns {
		words = append(words, regexp.MustCompile(`[a-z]+`).FindAllString(
			strings.ReplaceAll(p.Match, `\b`, ""), -1)...)
	}
	for _, k := range syntax.Keywords() {
		if !slices.Contains(words, k) {
			t.Errorf("the grammar does not know %s", k)
		}
	}
}

func TestExtensionIsWhole(t *testing.T) {
	text, err := os.ReadFile("vscode/package.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"\./([^"]+)"`).FindAllSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("vscode", string(m[1]))); err != nil {
			t.Error(err)
		}
	}
}
