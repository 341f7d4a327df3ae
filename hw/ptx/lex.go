package ptx

import (
	"math"
	"strconv"
	"strings"
)

type tokKind uint8

const (
	tokEOF tokKind = iota
	tokName
	tokDir // .name: directive
	tokInt
	tokF32
	tokF64
	tokString
	tokPunct // one byte, or << >> && || == != <= >=
	tokBad
)

type token struct {
	kind tokKind
	pos  Pos
	text string // as written; the unquoted text of a string
	val  uint64 // number's value or bits
	end  int    // offset after the token
}

// lexer cuts source text into tokens. Strings are slices of src: nothing is copied.
type lexer struct {
	src       string
	off       int
	line      int32
	lineStart int
	fail      func(pos Pos, msg, hint string)
}

func isNameStart(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '$' || c == '%'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// nameByte marks the bytes that continue a name.
var nameByte = func() (t [256]bool) {
	for c := range t {
		b := byte(c)
		t[c] = b|0x20 >= 'a' && b|0x20 <= 'z' || b == '_' || b == '$' || isDigit(b)
	}
	return t
}()

func (l *lexer) pos() Pos { return Pos{l.line, int32(l.off-l.lineStart) + 1} }

// space skips blanks and comments.
func (l *lexer) space() {
	for l.off < len(l.src) {
		switch c := l.src[l.off]; {
		case c == '\n':
			l.off++
			l.line++
			l.lineStart = l.off
		case c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v':
			l.off++
		case c == '/' && strings.HasPrefix(l.src[l.off:], "//"):
			n := strings.IndexByte(l.src[l.off:], '\n')
			if n < 0 {
				n = len(l.src) - l.off
			}
			l.off += n
		case c == '/' && strings.HasPrefix(l.src[l.off:], "/*"):
			l.blockComment()
		default:
			return
		}
	}
}

func (l *lexer) blockComment() {
	pos := l.pos()
	n := strings.Index(l.src[l.off+2:], "*/")
	end := l.off + 2 + n + 2
	if n < 0 {
		l.fail(pos, "comment is not closed", "add */")
		end = len(l.src)
	}
	text := l.src[l.off:end]
	if i := strings.LastIndexByte(text, '\n'); i >= 0 {
		l.line += int32(strings.Count(text, "\n"))
		l.lineStart = l.off + i + 1
	}
	l.off = end
}

func (l *lexer) next() token {
	l.space()
	t := token{pos: l.pos(), end: l.off}
	if l.off >= len(l.src) {
		return t
	}
	start := l.off
	c := l.src[start]
	switch {
	case isNameStart(c):
		l.name(&t)
	case isDigit(c):
		l.number(&t)
	case c == '.' && start+1 < len(l.src) && isNameStart(l.src[start+1]):
		l.off++
		l.word()
		t.kind = tokDir
	case c == '"':
		l.str(&t)
		return t
	default:
		l.punct(&t)
	}
	t.text = l.src[start:l.off]
	t.end = l.off
	return t
}

// word skips name bytes.
func (l *lexer) word() {
	i := l.off
	for i < len(l.src) && nameByte[l.src[i]] {
		i++
	}
	l.off = i
}

func (l *lexer) name(t *token) {
	start := l.off
	l.off++
	l.word()
	t.kind = tokName
	if l.off == start+1 && l.src[start] == '%' {
		t.kind = tokPunct
		return
	}
	if l.src[start] == '%' && l.off+1 < len(l.src) && l.src[l.off] == '.' {
		l.specialPart(start)
	}
}

// specialPart takes the .x of %tid.x into the name.
func (l *lexer) specialPart(start int) {
	end := l.off + 2
	if c := l.src[l.off+1]; c < 'w' || c > 'z' || end < len(l.src) && nameByte[l.src[end]] {
		return
	}
	if _, ok := specialIndex[l.src[start:l.off]+".x"]; ok {
		l.off = end
	}
}

func (l *lexer) number(t *token) {
	start := l.off
	l.word()
	s := l.src[start:l.off]
	t.kind = tokInt
	if l.off < len(l.src) && l.src[l.off] == '.' || isExponent(s) {
		l.decimalFloat(t, start)
		return
	}
	if len(s) > 2 && s[0] == '0' && (s[1]|0x20 == 'f' || s[1]|0x20 == 'd') {
		l.hexFloat(t, s)
		return
	}
	digits, base := strings.TrimSuffix(s, "U"), 10
	if len(digits) > 1 && digits[0] == '0' {
		digits, base = digits[1:], 8
		switch digits[0] | 0x20 {
		case 'x':
			digits, base = digits[1:], 16
		case 'b':
			digits, base = digits[1:], 2
		}
	}
	v, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		l.fail(t.pos, "unreadable number "+quote(s),
			"integers are 64 bits: 10, 0x1F, 017, 0b101")
	}
	t.val = v
}

func isExponent(s string) bool {
	if len(s) > 1 && strings.IndexByte("xbfd", s[1]|0x20) >= 0 {
		return false
	}
	return strings.ContainsAny(s, "eE")
}

func (l *lexer) decimalFloat(t *token, start int) {
	if l.off < len(l.src) && l.src[l.off] == '.' {
		l.off++
		l.word()
	}
	last := l.src[l.off-1]
	if last|0x20 == 'e' && l.off < len(l.src) && (l.src[l.off] == '-' || l.src[l.off] == '+') {
		l.off++
		l.word()
	}
	s := l.src[start:l.off]
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.ContainsRune(s, '_') {
		l.fail(t.pos, "unreadable number "+quote(s), "write 1.5, 2e-3 or 0f3FC00000")
	}
	t.kind, t.val = tokF64, math.Float64bits(v)
}

func (l *lexer) hexFloat(t *token, s string) {
	want, hint := 8, "0f takes 8 hexadecimal digits"
	t.kind = tokF32
	if s[1]|0x20 == 'd' {
		want, hint, t.kind = 16, "0d takes 16 hexadecimal digits", tokF64
	}
	v, err := strconv.ParseUint(s[2:], 16, 64)
	if err != nil || len(s) != want+2 {
		l.fail(t.pos, "unreadable number "+quote(s), hint)
		v = 0
	}
	t.val = v
}

func (l *lexer) str(t *token) {
	start := l.off
	t.kind = tokString
	for l.off++; l.off < len(l.src); l.off++ {
		switch l.src[l.off] {
		case '"':
			t.text = l.src[start+1 : l.off]
			l.off++
			t.end = l.off
			return
		case '\\':
			if l.off+1 < len(l.src) && l.src[l.off+1] != '\n' {
				l.off++
			}
		case '\n':
			l.badString(t, start)
			return
		}
	}
	l.off = len(l.src)
	l.badString(t, start)
}

func (l *lexer) badString(t *token, start int) {
	l.fail(t.pos, "string is not closed", `add "`)
	t.text = l.src[start+1 : l.off]
	t.end = l.off
}

func (l *lexer) punct(t *token) {
	c := l.src[l.off]
	t.kind = tokPunct
	l.off++
	if c < ' ' || c > '~' {
		l.fail(t.pos, "byte "+strconv.QuoteToASCII(string(rune(c)))+" is not PTX", "PTX is ASCII")
		t.kind = tokBad
		return
	}
	if l.off >= len(l.src) {
		return
	}
	switch l.src[l.off-1 : l.off+1] {
	case "<<", ">>", "&&", "||", "==", "!=", "<=", ">=":
		l.off++
	}
}

// opcode reads the rest of an instruction word whose first part ended at l.off: modifiers, with
// :: inside them. Blanks before a dot are allowed and dropped.
func (l *lexer) opcode(start int) string {
	clean := true
	var b strings.Builder
	for {
		l.mods()
		end := l.off
		mark := *l
		l.space()
		if l.off == end || l.line != mark.line || l.off >= len(l.src) || l.src[l.off] != '.' {
			*l = mark
			if clean {
				return l.src[start:end]
			}
			b.WriteString(l.src[start:end])
			return b.String()
		}
		clean = false
		b.WriteString(l.src[start:end])
		start = l.off
	}
}

func (l *lexer) mods() {
	i := l.off
	for i < len(l.src) {
		c := l.src[i]
		if nameByte[c] || c == '.' {
			i++
			continue
		}
		if c == ':' && i+2 < len(l.src) && l.src[i+1] == ':' && nameByte[l.src[i+2]] {
			i += 2
			continue
		}
		break
	}
	l.off = i
}
