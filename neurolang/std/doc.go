// Package std holds the library of Neuro-Lang: its modules are text, compiled with the programs
// that import them.
package std
