package syntax

import (
	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
)

// Words that begin items elsewhere, and what is written here.
var itemWords = map[string]string{
	"def": fnHelp, "function": fnHelp, "func": fnHelp, "fun": fnHelp, "void": fnHelp,
	"class":  "write struct Name { field: type }, and its functions in impl Name { ... }",
	"record": "write struct Name { field: type }", "interface": "write trait Name { ... }",
	"use": importHelp, "from": importHelp, "include": importHelp, "using": importHelp,
	"require": importHelp, "static": constHelp,
}

const (
	fnHelp     = "write fn name(x: int) -> int { ... }"
	importHelp = "write import std.ops;"
	constHelp  = "write const NAME: int = 1; variables live in functions"
	loopHelp   = "write while true { ... break; }"
	matchHelp  = "write match x { 1 => ..., _ => ... }"
	callHelp   = "write it as a call: "
)

// Words that begin statements elsewhere.
var stmtWords = map[string]string{
	"elif": "write else if", "elsif": "write else if", "elseif": "write else if",
	"loop": loopHelp, "do": loopHelp, "until": "write while !...",
	"switch": matchHelp, "case": matchHelp, "try": "match the Result, or write e?",
	"throw": callHelp + "panic(...)", "raise": callHelp + "panic(...)",
	"print": callHelp + "print(...)", "assert": callHelp + "assert(...)",
	"int": letHelp, "float": letHelp, "string": letHelp, "bool": letHelp, "double": letHelp,
	"auto": letHelp, "long": letHelp, "final": letHelp, "val": letHelp, "mut": "write var x = ...",
	"def": fnHelp, "function": fnHelp, "func": fnHelp, "class": itemWords["class"],
	"foreach": "write for x in xs { ... }", "unless": "write if !...",
	"from": importHelp, "use": importHelp, "del": "values go at the end of their block; t.free() frees a tensor",
}

const letHelp = "write let x: int = ...; or var if it changes"

// Words that begin expressions elsewhere.
var exprWords = map[string]string{
	"not": "write !x", "new": "write Name { field: value }", "lambda": closureHelp,
	"function": closureHelp, "await": "calls wait by themselves",
}

const closureHelp = "a function without a name is written |x| x + 1"

// Words that stand between operands elsewhere.
var operatorWords = map[string]string{"and": "&&", "or": "||", "is": "==", "mod": "%"}

// operand tells tokens that begin an operand and continue none.
func operand(k Kind) bool {
	switch k {
	case Ident, Int, Float, String, FString, KwTrue, KwFalse, KwSelf, LBrace, KwIf, KwMatch, KwFn:
		return true
	}
	return false
}

// habit reports a word of another language; false: the text here is none.
func (p *parser) habit(words map[string]string) bool {
	if p.tok.Kind != Ident || p.panicking || !operand(p.peek(1)) {
		return false
	}
	help, ok := words[p.text(p.tok.Span)]
	if ok {
		p.wrong(p.tok.Span, "there is no %s", p.describe()).Hint("%s", help)
	}
	return ok
}

// wrong reports what stands there and recovers from it.
func (p *parser) wrong(at source.Span, format string, a ...any) *diag.Diagnostic {
	p.failed, p.panicking = true, true
	return p.errs.Errorf(diag.Unexpected, at, format, a...)
}

// foreign reports operators of other languages behind an operand.
func (p *parser) foreign() bool {
	if p.panicking {
		return false
	}
	at := p.tok.Span
	twice := p.follows(p.tok.Kind)
	if twice {
		at = at.To(p.toks[p.at+1].Span)
	}
	switch k := p.tok.Kind; {
	case k == Ident && operatorWords[p.text(at)] != "" &&
		(operand(p.peek(1)) || p.peek(1) == LParen):
		op := operatorWords[p.text(at)]
		p.wrong(at, "there is no %s", p.describe()).Hint("write %s", op).
			Replace(at, op, "write "+op)
	case k == Eq && p.follows(Assign):
		p.wrong(at, "there is no ===").Hint("write ==")
	case k == Lt && p.follows(Gt):
		p.wrong(at, "there is no <>").Hint("write !=")
	case k == Mul && twice:
		p.wrong(at, "there is no **").Hint("write pow(x, y)")
	case (k == Add || k == Sub) && twice && !operand(p.peek(2)) && p.peek(2) != LParen &&
		p.peek(2) != k:
		sign := p.text(p.tok.Span)
		p.wrong(at, "there is no %s%s", sign, sign).Hint("write x %s= 1", sign)
	case k == Question && operand(p.peek(1)) && p.peek(1) != LBrace:
		p.wrong(at, "there is no x ? a : b").Hint("write if x { a } else { b }")
	case k == Not && (p.peek(1) == LParen || p.peek(1) == LBracket):
		p.wrong(at, "there are no macros").Hint("write [a, b] for an array, print(a, b) to print")
	default:
		return false
	}
	return true
}

// follows tells that the next token is of a kind, without space before.
func (p *parser) follows(k Kind) bool { return p.at+1 < len(p.toks) && p.toks[p.at+1].Kind == k }

// braced reports {k: v} and {a, b}.
func (p *parser) braced() bool {
	if p.tok.Kind != LBrace || p.panicking {
		return false
	}
	switch p.peek(1) {
	case Int, String, Ident:
	default:
		return false
	}
	switch p.peek(2) {
	case Colon:
		p.wrong(p.tok.Span, "there are no maps").Hint("a struct is written Name { x: 1 }; pairs [(1, 2)]")
	case Comma:
		p.wrong(p.tok.Span, "there are no sets").Hint("an array is written [1, 2]")
	default:
		return false
	}
	return true
}

// arrow reports x => y; true if it stands here.
func (p *parser) arrow() bool {
	if p.tok.Kind == FatArrow && !p.panicking {
		p.wrong(p.tok.Span, "there is no x => y").Hint(closureHelp)
	}
	return p.tok.Kind == FatArrow
}

// countedLoop reports for (i = 0; i < n; i++) and moves to its block.
func (p *parser) countedLoop() bool {
	if p.tok.Kind != LParen {
		return false
	}
	switch second := p.peek(2); p.peek(1) {
	case KwLet, KwVar:
	case Ident:
		if second != Assign && second != Ident {
			return false
		}
	default:
		return false
	}
	p.wrong(p.tok.Span, "there is no for (...; ...; ...)").Hint("write for i in 0..n { ... }")
	for p.tok.Kind != LBrace && p.tok.Kind != EOF && !p.forgotten() {
		p.next()
	}
	return true
}

// braceHelp says what may have been meant where a block should begin.
func (p *parser) braceHelp(d *diag.Diagnostic) {
	switch p.tok.Kind {
	case Colon:
		d.Hint("blocks stand in braces: { ... }")
	case Assign:
		d.Hint("== compares")
	}
}

// skipLine moves to the next line.
func (p *parser) skipLine() {
	for p.next(); p.tok.Kind != EOF && !startsLine(p); {
		p.next()
	}
}
