// Package source owns positions in Neuro-Lang source text: files, a set of files, and compact
// positions and spans in it.
//
// It knows nothing of tokens or grammar.
package source
