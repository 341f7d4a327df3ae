// Package graph is the graph IR: straight-line functions as SSA over whole tensors, whose
// operations launch kernels, make tensors and views of them. Passes remove what is computed twice
// or for nothing, fuse kernels, reuse dead tensors, and plan memory as offsets in one arena.
//
// It is built from hir and goes back to hir: nothing below it knows of graphs.
package graph
