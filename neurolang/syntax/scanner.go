package syntax

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
)

// Scanner cuts a file into tokens. The tokens, trivia included, cover every byte of the file in
// order, so that a formatter can rebuild it.
type Scanner struct {
	file *source.File
	src  []byte
	off  int
	errs *diag.List
	open bool // the text ended inside a comment or string
}

// NewScanner returns a scanner that reports to errs.
func NewScanner(f *source.File, errs *diag.List) *Scanner {
	return &Scanner{file: f, src: f.Src, errs: errs}
}

// Tokens scans a whole file, trivia included, without the EOF.
func Tokens(f *source.File, errs *diag.List) []Token {
	toks, _ := NewScanner(f, errs).all()
	return toks[:len(toks)-1]
}

// all scans to the end and gives the EOF last.
func (s *Scanner) all() (toks []Token, open bool) {
	toks = make([]Token, 0, len(s.src)/3+1)
	for {
		t := s.Next()
		toks = append(toks, t)
		if t.Kind == EOF {
			return toks, s.open
		}
	}
}

// operators, longest first.
var operators = []struct {
	text string
	kind Kind
}{
	{"<<=", ShlAssign}, {">>=", ShrAssign},
	{"->", Arrow}, {"=>", FatArrow}, {"::", PathSep}, {"..", DotDot}, {"+=", AddAssign},
	{"-=", SubAssign}, {"*=", MulAssign}, {"/=", DivAssign}, {"%=", RemAssign},
	{"&=", AndAssign}, {"|=", OrAssign}, {"^=", XorAssign}, {"<<", Shl}, {">>", Shr},
	{"<=", Le}, {">=", Ge}, {"==", Eq}, {"!=", Ne}, {"&&", AndAnd}, {"||", OrOr},
	{"(", LParen}, {")", RParen}, {"{", LBrace}, {"}", RBrace}, {"[", LBracket}, {"]", RBracket},
	{",", Comma}, {";", Semi}, {":", Colon}, {".", Dot}, {"@", At}, {"#", Hash}, {"?", Question},
	{"=", Assign}, {"+", Add}, {"-", Sub}, {"*", Mul}, {"/", Div}, {"%", Rem}, {"&", And},
	{"|", Or}, {"^", Xor}, {"!", Not}, {"<", Lt}, {">", Gt},
}

// Next returns the next token, trivia included; EOF for ever at the end.
func (s *Scanner) Next() Token {
	start := s.off
	kind := s.scan()
	return Token{kind, s.span(start)}
}

func (s *Scanner) span(start int) source.Span {
	return source.Span{Pos: s.file.Pos(start), End: s.file.Pos(s.off)}
}

func (s *Scanner) peek(n int) byte {
	if s.off+n < len(s.src) {
		return s.src[s.off+n]
	}
	return 0
}

// bom is what some editors begin files with.
const bom = "\ufeff"

func (s *Scanner) scan() Kind {
	if s.off >= len(s.src) {
		return EOF
	}
	c := s.src[s.off]
	switch {
	case s.off == 0 && hasPrefix(s.src, bom):
		s.off = len(bom)
		return Space
	case isSpace(c):
		for s.off < len(s.src) && isSpace(s.src[s.off]) {
			s.off++
		}
		return Space
	case c == '/' && s.peek(1) == '/':
		for s.off < len(s.src) && s.src[s.off] != '\n' {
			s.off++
		}
		return Comment
	case c == '/' && s.peek(1) == '*':
		return s.blockComment()
	case isDigit(c):
		return s.number()
	case c == '"':
		return s.str()
	case c == 'f' && s.peek(1) == '"':
		return s.fstr()
	}
	if r, _ := s.rune(); isLetter(r) {
		return s.ident()
	}
	for _, op := range operators {
		if op.kind == Hash && s.peek(1) != '[' {
			continue // an attribute's only
		}
		if hasPrefix(s.src[s.off:], op.text) {
			s.off += len(op.text)
			return op.kind
		}
	}
	return s.invalid()
}

func (s *Scanner) rune() (rune, int) { return utf8.DecodeRune(s.src[s.off:]) }

func (s *Scanner) ident() Kind {
	start := s.off
	for s.off < len(s.src) {
		r, n := s.rune()
		if !isLetter(r) && !unicode.IsDigit(r) {
			break
		}
		s.off += n
	}
	if k, ok := keywords[string(s.src[start:s.off])]; ok {
		return k
	}
	return Ident
}

func (s *Scanner) invalid() Kind {
	start := s.off
	switch s.src[start] {
	case '\'':
		return s.singleQuoted()
	case '#':
		if s.lineStart() {
			for s.off < len(s.src) && s.src[s.off] != '\n' {
				s.off++
			}
			at := source.Span{Pos: s.file.Pos(start), End: s.file.Pos(start + 1)}
			s.errs.Errorf(diag.BadChar, at, "unexpected character %+q", "#").
				Hint("comments begin with //").Replace(at, "//", "write //")
			return Comment
		}
	}
	for s.off < len(s.src) {
		r, n := s.rune()
		if s.off > start && (r < utf8.RuneSelf || isLetter(r)) {
			break
		}
		s.off += n
	}
	s.errs.Errorf(diag.BadChar, s.span(start), "unexpected character %+q", s.src[start:s.off])
	return Invalid
}

// singleQuoted reports 'text'.
func (s *Scanner) singleQuoted() Kind {
	start := s.off
	for s.off++; s.off < len(s.src) && s.src[s.off] != '\n'; s.off++ {
		if s.src[s.off] == '\'' {
			s.off++
			break
		}
	}
	d := s.errs.Errorf(diag.BadChar, s.span(start), "strings stand in double quotes")
	if text := string(s.src[start+1 : s.off]); strings.HasSuffix(text, "'") {
		d.Replace(s.span(start), `"`+text[:len(text)-1]+`"`, "write double quotes")
	}
	return Invalid
}

// lineStart tells whether only space stands before on the line.
func (s *Scanner) lineStart() bool {
	for i := s.off - 1; i >= 0 && s.src[i] != '\n'; i-- {
		if !isSpace(s.src[i]) {
			return false
		}
	}
	return true
}

// blockComment scans a comment; comments nest, so that code with comments can be put into one.
func (s *Scanner) blockComment() Kind {
	start, depth := s.off, 0
	for s.off < len(s.src) {
		switch {
		case s.src[s.off] == '/' && s.peek(1) == '*':
			depth++
			s.off += 2
		case s.src[s.off] == '*' && s.peek(1) == '/':
			depth--
			s.off += 2
			if depth == 0 {
				return Comment
			}
		default:
			s.off++
		}
	}
	s.open = true
	s.errs.Errorf(diag.OpenComment, source.Span{Pos: s.file.Pos(start), End: s.file.Pos(start + 2)},
		"comment is never closed")
	return Comment
}

func (s *Scanner) number() Kind {
	start, kind := s.off, Int
	if c := s.peek(1) | 0x20; s.peek(0) == '0' && (c == 'x' || c == 'b') {
		s.off += 2
		for isHex(s.peek(0)) || s.peek(0) == '_' {
			s.off++
		}
		return s.numberTail(start, Int)
	}
	s.digits()
	if s.peek(0) == '.' && isDigit(s.peek(1)) {
		kind = Float
		s.off++
		s.digits()
	}
	if e := s.peek(0); e == 'e' || e == 'E' {
		n := 1
		if c := s.peek(1); c == '+' || c == '-' {
			n = 2
		}
		if isDigit(s.peek(n)) {
			kind = Float
			s.off += n
			s.digits()
		}
	}
	if s.peek(0) == 'f' && !isLetter(rune(s.peek(1))) && !isDigit(s.peek(1)) {
		s.off++
		return Float
	}
	return s.numberTail(start, kind)
}

func (s *Scanner) digits() {
	for isDigit(s.peek(0)) || s.peek(0) == '_' {
		s.off++
	}
}

// numberTail rejects letters glued to a number as one error.
func (s *Scanner) numberTail(start int, kind Kind) Kind {
	if !isLetter(rune(s.peek(0))) {
		return kind
	}
	for isLetter(rune(s.peek(0))) || isDigit(s.peek(0)) {
		s.off++
	}
	s.errs.Errorf(diag.BadNumber, s.span(start), "%s is not a number", s.src[start:s.off])
	return Invalid
}

func (s *Scanner) str() Kind {
	start := s.off
	if !s.quoted() {
		return s.openString(start)
	}
	return String
}

// quoted moves behind the closing quote; false at the line's end.
func (s *Scanner) quoted() bool {
	for s.off++; s.off < len(s.src) && s.src[s.off] != '\n'; s.off++ {
		switch s.src[s.off] {
		case '\\':
			if s.off+1 < len(s.src) && s.src[s.off+1] != '\n' {
				s.off++
			}
		case '"':
			s.off++
			return true
		}
	}
	return false
}

// operand tells whether a string can begin here, by what stands before it.
func (s *Scanner) operand() bool {
	i := s.off - 1
	for i > 0 && s.src[i] == ' ' {
		i--
	}
	return strings.IndexByte("({[,+=!<>&|f", s.src[i]) >= 0
}

func (s *Scanner) openString(start int) Kind {
	s.errs.Errorf(diag.OpenString, s.span(start), "string is never closed").
		Hint("strings end on the line they start; write \\n for a line break")
	return Invalid
}

// fstr scans f"..."; in braces, strings may stand.
func (s *Scanner) fstr() Kind {
	start, depth := s.off, 0
	for s.off += 2; s.off < len(s.src) && s.src[s.off] != '\n'; s.off++ {
		switch c := s.src[s.off]; {
		case depth == 0 && c == '\\' && s.off+1 < len(s.src) && s.src[s.off+1] != '\n':
			s.off++
		case depth == 0 && c == '"':
			s.off++
			return FString
		case depth > 0 && c == '"' && !s.operand():
			s.off++ // the brace was never closed
			return FString
		case depth > 0 && c == '"':
			if !s.quoted() {
				return s.openString(start)
			}
			s.off--
		case depth == 0 && (c == '{' || c == '}') && s.peek(1) == c:
			s.off++
		case c == '{':
			depth++
		case c == '}' && depth > 0:
			depth--
		}
	}
	return s.openString(start)
}

func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }
func isSpace(c byte) bool               { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
func isDigit(c byte) bool               { return c >= '0' && c <= '9' }
func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
func isLetter(r rune) bool {
	return r == '_' || r != utf8.RuneError && unicode.IsLetter(r)
}
