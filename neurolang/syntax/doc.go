// Package syntax owns the grammar of Neuro-Lang: scanner, abstract syntax tree, parser.
//
// It gives names and types no meaning.
package syntax
