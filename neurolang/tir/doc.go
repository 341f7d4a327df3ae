// Package tir owns the tile IR: typed SSA over whole tiles with structured loops, its table of
// operations, builder, text form with parser, and verifier.
//
// It knows no warps, layouts or targets (gen) and no source text (tirgen).
package tir
