// Package diag owns diagnostics: stable codes, labelled spans, notes and help, and their forms for
// people (caret text) and for tools (JSON).
//
// It decides nothing about what is wrong.
package diag
