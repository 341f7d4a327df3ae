// Package hir is the typed, monomorphic tree between the checker and the code generators: names
// resolved, generics instantiated, methods and operators turned into calls, patterns into tests,
// moves and drops explicit.
//
// It is data only; check makes it, lower (host) and tirgen (kernels) read it.
package hir
