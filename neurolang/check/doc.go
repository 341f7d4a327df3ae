// Package check gives a syntax tree its meaning: names, types, tiles, generics, ownership. Its
// output is hir, monomorphic, and Info, what tools ask about the text.
//
// Functions are checked for each instance; a generic function without any is checked with poisoned
// parameters, on which all is allowed, so that its other errors are found.
package check
