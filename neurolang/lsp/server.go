package lsp

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"

	"tensoros/neurolang/check"
)

// Options are what the server borrows from its host.
type Options struct {
	// Load reads a file that is imported and not open.
	Load func(path string) ([]byte, error)
	// Version is told to the client.
	Version string
	// Cost says what a kernel of the text costs, for hovers; nil: not known.
	Cost func(src []byte, kernel string) string
}

// Server is one session with a client.
type Server struct {
	in   *bufio.Reader
	out  io.Writer
	opt  Options
	docs map[string]*document
	up   bool
	down bool // shutdown was asked for
}

// New makes a server on a pair of streams.
func New(in io.Reader, out io.Writer, opt Options) *Server {
	return &Server{in: bufio.NewReader(in), out: out, opt: opt, docs: map[string]*document{}}
}

// errExit is what ends a session in order.
var errExit = errors.New("exit")

// Serve answers until the client leaves. The error is nil if it did so in order.
func (s *Server) Serve() error {
	for {
		body, err := read(s.in)
		if err == io.EOF && s.down {
			return nil
		}
		if err != nil {
			return err
		}
		switch err := s.handle(body); {
		case err == errExit && s.down:
			return nil
		case err == errExit:
			return errors.New("lsp: exit without shutdown")
		case err != nil:
			return err
		}
	}
}

// handle answers one message; its error is one of the connection's.
func (s *Server) handle(body []byte) error {
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		return write(s.out, &message{ID: json.RawMessage("null"),
			Error: &rpcError{parseError, err.Error()}})
	}
	if m.Method == "exit" {
		return errExit
	}
	if m.Method == "" {
		return nil // a response: we ask nothing
	}
	result, err := s.call(&m)
	if m.ID == nil {
		return s.publish()
	}
	answer := &message{ID: m.ID, Result: result}
	if result == nil {
		answer.Result = json.RawMessage("null")
	}
	if err != nil {
		answer.Result = nil
		var e *rpcError
		if !errors.As(err, &e) {
			e = &rpcError{requestFailed, err.Error()}
		}
		answer.Error = e
	}
	return write(s.out, answer)
}

// methods answers requests and takes notifications.
var methods map[string]func(s *Server, params json.RawMessage) (any, error)

func init() {
	methods = map[string]func(s *Server, params json.RawMessage) (any, error){
		"initialize": (*Server).initialize,
		"initialized": func(*Server, json.RawMessage) (any, error) {
			return nil, nil
		},
		"shutdown": func(s *Server, _ json.RawMessage) (any, error) {
			s.down = true
			return nil, nil
		},
		"textDocument/didOpen":             with((*Server).didOpen),
		"textDocument/didChange":           with((*Server).didChange),
		"textDocument/didClose":            with((*Server).didClose),
		"textDocument/hover":               at((*Server).hover),
		"textDocument/definition":          at((*Server).definition),
		"textDocument/references":          at((*Server).references),
		"textDocument/documentHighlight":   at((*Server).highlight),
		"textDocument/completion":          at((*Server).complete),
		"textDocument/prepareRename":       at((*Server).prepareRename),
		"textDocument/rename":              at((*Server).rename),
		"textDocument/formatting":          in((*Server).format),
		"textDocument/documentSymbol":      in((*Server).symbols),
		"textDocument/semanticTokens/full": in((*Server).tokens),
		"textDocument/inlayHint":           in((*Server).hints),
		"textDocument/codeAction":          in((*Server).actions),
	}
}

func (s *Server) call(m *message) (any, error) {
	f := methods[m.Method]
	switch {
	case f == nil:
		return nil, &rpcError{methodNotFound, "no method " + m.Method}
	case !s.up && m.Method != "initialize":
		return nil, &rpcError{notInitialized, "initialize comes first"}
	case s.down:
		return nil, &rpcError{invalidRequest, "the server is shut down"}
	}
	return f(s, m.Params)
}

// with decodes parameters.
func with[P any](f func(s *Server, p *P) (any, error)) func(*Server, json.RawMessage) (any, error) {
	return func(s *Server, raw json.RawMessage) (any, error) {
		var p P
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, &rpcError{invalidParams, err.Error()}
		}
		return f(s, &p)
	}
}

// at decodes a place in an open document.
func at(f func(s *Server, d *document, p *positionParams) (any,
	error)) func(*Server, json.RawMessage) (any, error) {
	return with(func(s *Server, p *positionParams) (any, error) {
		d := s.docs[p.TextDocument.URI]
		if d == nil {
			return nil, &rpcError{invalidParams, p.TextDocument.URI + " is not open"}
		}
		return f(s, d, p)
	})
}

// in decodes a range of an open document.
func in(f func(s *Server, d *document, p *rangeParams) (any,
	error)) func(*Server, json.RawMessage) (any, error) {
	return with(func(s *Server, p *rangeParams) (any, error) {
		d := s.docs[p.TextDocument.URI]
		if d == nil {
			return nil, &rpcError{invalidParams, p.TextDocument.URI + " is not open"}
		}
		return f(s, d, p)
	})
}

func (s *Server) initialize(json.RawMessage) (any, error) {
	s.up = true
	return map[string]any{
		"serverInfo": map[string]string{"name": "tos-sim lsp", "version": s.opt.Version},
		"capabilities": map[string]any{
			"positionEncoding":           "utf-16",
			"textDocumentSync":           map[string]any{"openClose": true, "change": 2},
			"hoverProvider":              true,
			"definitionProvider":         true,
			"referencesProvider":         true,
			"documentHighlightProvider":  true,
			"documentFormattingProvider": true,
			"documentSymbolProvider":     true,
			"inlayHintProvider":          true,
			"codeActionProvider":         true,
			"renameProvider":             map[string]bool{"prepareProvider": true},
			"completionProvider": map[string]any{"triggerCharacters": []string{".", ":",
				"@"}},
			"semanticTokensProvider": map[string]any{"full": true,
				"legend": map[string]any{"tokenTypes": tokenTypes, "tokenModifiers": []string{}}},
		},
	}, nil
}

func (s *Server) didOpen(p *openParams) (any, error) {
	d := &document{uri: p.TextDocument.URI, version: p.TextDocument.Version,
		text: []byte(p.TextDocument.Text)}
	s.docs[d.uri] = d
	s.stale()
	return nil, nil
}

func (s *Server) didChange(p *changeParams) (any, error) {
	d := s.docs[p.TextDocument.URI]
	if d == nil {
		return nil, &rpcError{invalidParams, p.TextDocument.URI + " is not open"}
	}
	for _, c := range p.ContentChanges {
		if c.Range == nil {
			d.text = []byte(c.Text)
			continue
		}
		from, to := offset(d.text, c.Range.Start), offset(d.text, c.Range.End)
		d.text = slices.Concat(d.text[:from], []byte(c.Text), d.text[max(from, to):])
	}
	d.version = p.TextDocument.Version
	s.stale()
	return nil, nil
}

func (s *Server) didClose(p *openParams) (any, error) {
	delete(s.docs, p.TextDocument.URI)
	s.stale()
	return nil, nil
}

// stale has all documents checked again: one may import the other.
func (s *Server) stale() {
	for _, d := range s.docs {
		d.checked = false
	}
}

// load reads an imported file, as it stands in the editor if it is open.
func (s *Server) load(path string) ([]byte, error) {
	if d := s.docs[fileURI(path)]; d != nil {
		return d.text, nil
	}
	if s.opt.Load == nil {
		return nil, errors.New("no files")
	}
	return s.opt.Load(path)
}

// publish sends the findings of documents that changed, in the order of their names.
func (s *Server) publish() error {
	for _, uri := range slices.Sorted(maps.Keys(s.docs)) {
		d := s.docs[uri]
		if d.checked {
			continue
		}
		s.check(d)
		params, err := json.Marshal(publishParams{uri, d.version, d.findings()})
		if err != nil {
			return err
		}
		m := &message{Method: "textDocument/publishDiagnostics", Params: params}
		if err := write(s.out, m); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) check(d *document) {
	if !d.checked {
		d.check(check.Options{Load: s.load})
	}
}
