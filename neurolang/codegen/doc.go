// Package codegen lowers a kernel in tile IR to PTX: CTA shapes, shared-memory pipeline, Tensor
// Core instructions, epilogue, launch rules.
//
// It checks what a target can hold; the language's own rules were checked before (types).
package codegen
