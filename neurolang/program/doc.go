// Package program is what the Neuro-Lang compiler hands over: kernels as PTX with their launch
// rules, and host code as bytecode with its debug positions.
//
// It neither compiles nor runs anything.
package program
