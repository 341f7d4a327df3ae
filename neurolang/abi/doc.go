// Package abi says how a compiled kernel is called: parameters, grid, launch variants.
//
// It is what code generation (gen) promises and what a runtime (vm, kernel/run) keeps.
package abi
