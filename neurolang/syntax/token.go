package syntax

import "tensoros/neurolang/source"

// Kind is a kind of token.
type Kind uint8

// Kinds of token. Comment and Space are trivia: the scanner returns them, the parser skips them.
const (
	EOF Kind = iota
	Invalid
	Space
	Comment
	Ident
	Int
	Float
	String

	LParen
	RParen
	LBrace
	RBrace
	LBracket
	RBracket
	Comma
	Semi
	Colon
	PathSep
	Dot
	DotDot
	Arrow
	At

	Assign
	AddAssign
	SubAssign
	MulAssign
	DivAssign
	Add
	Sub
	Mul
	Div
	Rem
	Not
	Lt
	Le
	Gt
	Ge
	Eq
	Ne
	AndAnd
	OrOr

	KwFn
	KwLet
	KwVar
	KwReturn
	KwIf
	KwElse
	KwWhile
	KwFor
	KwIn
	KwBreak
	KwContinue
	KwTrue
	KwFalse
)

var kindNames = [...]string{
	EOF: "end of file", Invalid: "invalid text", Space: "space", Comment: "comment",
	Ident: "a name", Int: "an integer", Float: "a number", String: "a string",
	LParen: "`(`", RParen: "`)`", LBrace: "`{`", RBrace: "`}`", LBracket: "`[`", RBracket: "`]`",
	Comma: "`,`", Semi: "`;`", Colon: "`:`", PathSep: "`::`", Dot: "`.`", DotDot: "`..`",
	Arrow: "`->`", At: "`@`", Assign: "`=`", AddAssign: "`+=`", SubAssign: "`-=`",
	MulAssign: "`*=`", DivAssign: "`/=`", Add: "`+`", Sub: "`-`", Mul: "`*`", Div: "`/`",
	Rem: "`%`", Not: "`!`", Lt: "`<`", Le: "`<=`", Gt: "`>`", Ge: "`>=`", Eq: "`==`", Ne: "`!=`",
	AndAnd: "`&&`", OrOr: "`||`", KwFn: "`fn`", KwLet: "`let`", KwVar: "`var`",
	KwReturn: "`return`", KwIf: "`if`", KwElse: "`else`", KwWhile: "`while`", KwFor: "`for`",
	KwIn: "`in`", KwBreak: "`break`", KwContinue: "`continue`", KwTrue: "`true`",
	KwFalse: "`false`",
}

// String returns the kind as messages name it.
func (k Kind) String() string { return kindNames[k] }

// Symbol returns the operator without quotes.
func (k Kind) Symbol() string {
	s := kindNames[k]
	if len(s) > 2 && s[0] == '`' {
		return s[1 : len(s)-1]
	}
	return s
}

var keywords = map[string]Kind{
	"fn": KwFn, "let": KwLet, "var": KwVar, "return": KwReturn, "if": KwIf, "else": KwElse,
	"while": KwWhile, "for": KwFor, "in": KwIn, "break": KwBreak, "continue": KwContinue,
	"true": KwTrue, "false": KwFalse,
}

// Keywords lists the reserved words in the order of their kinds.
func Keywords() []string {
	var out []string
	for k := KwFn; k <= KwFalse; k++ {
		out = append(out, k.Symbol())
	}
	return out
}

// Token is a kind and the text it covers.
type Token struct {
	Kind Kind
	source.Span
}
