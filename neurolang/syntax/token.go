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
	FString

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
	FatArrow
	At
	Hash
	Question

	Assign
	AddAssign
	SubAssign
	MulAssign
	DivAssign
	RemAssign
	AndAssign
	OrAssign
	XorAssign
	ShlAssign
	ShrAssign
	Add
	Sub
	Mul
	Div
	Rem
	And
	Or
	Xor
	Shl
	Shr
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
	KwConst
	KwReturn
	KwIf
	KwElse
	KwWhile
	KwFor
	KwIn
	KwBreak
	KwContinue
	KwMatch
	KwStruct
	KwEnum
	KwTrait
	KwImpl
	KwType
	KwImport
	KwPub
	KwAs
	KwMut
	KwSelf
	KwTrue
	KwFalse
)

var kindNames = [...]string{
	EOF: "end of file", Invalid: "invalid text", Space: "space", Comment: "comment",
	Ident: "a name", Int: "an integer", Float: "a number", String: "a string",
	FString: "a string", LParen: "`(`", RParen: "`)`", LBrace: "`{`", RBrace: "`}`",
	LBracket: "`[`", RBracket: "`]`", Comma: "`,`", Semi: "`;`", Colon: "`:`", PathSep: "`::`",
	Dot: "`.`", DotDot: "`..`", Arrow: "`->`", FatArrow: "`=>`", At: "`@`", Hash: "`#`",
	Question: "`?`", Assign: "`=`", AddAssign: "`+=`", SubAssign: "`-=`", MulAssign: "`*=`",
	DivAssign: "`/=`", RemAssign: "`%=`", AndAssign: "`&=`", OrAssign: "`|=`",
	XorAssign: "`^=`", ShlAssign: "`<<=`", ShrAssign: "`>>=`", Add: "`+`", Sub: "`-`",
	Mul: "`*`", Div: "`/`", Rem: "`%`", And: "`&`", Or: "`|`", Xor: "`^`", Shl: "`<<`",
	Shr: "`>>`", Not: "`!`", Lt: "`<`", Le: "`<=`", Gt: "`>`", Ge: "`>=`", Eq: "`==`",
	Ne: "`!=`", AndAnd: "`&&`", OrOr: "`||`", KwFn: "`fn`", KwLet: "`let`", KwVar: "`var`",
	KwConst: "`const`", KwReturn: "`return`", KwIf: "`if`", KwElse: "`else`",
	KwWhile: "`while`", KwFor: "`for`", KwIn: "`in`", KwBreak: "`break`",
	KwContinue: "`continue`", KwMatch: "`match`", KwStruct: "`struct`", KwEnum: "`enum`",
	KwTrait: "`trait`", KwImpl: "`impl`", KwType: "`type`", KwImport: "`import`",
	KwPub: "`pub`", KwAs: "`as`", KwMut: "`mut`", KwSelf: "`self`", KwTrue: "`true`",
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

// IsTrivia tells that tokens of this kind mean nothing to the parser.
func (k Kind) IsTrivia() bool { return k == Space || k == Comment || k == Invalid }

// IsKeyword tells a reserved word.
func (k Kind) IsKeyword() bool { return k >= KwFn && k <= KwFalse }

var keywords = func() map[string]Kind {
	m := map[string]Kind{}
	for k := KwFn; k <= KwFalse; k++ {
		m[k.Symbol()] = k
	}
	return m
}()

// Keywords lists the reserved words in the order of their kinds.
func Keywords() []string {
	var out []string
	for k := KwFn; k <= KwFalse; k++ {
		out = append(out, k.Symbol())
	}
	return out
}

// compound maps an assignment to its operator.
var compound = map[Kind]Kind{
	AddAssign: Add, SubAssign: Sub, MulAssign: Mul, DivAssign: Div, RemAssign: Rem,
	AndAssign: And, OrAssign: Or, XorAssign: Xor, ShlAssign: Shl, ShrAssign: Shr,
}

// Operator returns the operator of a compound assignment.
func (k Kind) Operator() (Kind, bool) {
	op, ok := compound[k]
	return op, ok
}

// Token is a kind and the text it covers.
type Token struct {
	Kind Kind
	source.Span
}
