// Package gen owns the back end of Neuro-Lang: tile IR becomes warp IR becomes PTX.
//
// It knows layouts, targets and their instructions, not source text (tirgen) nor how a launch is
// made (abi says what it promises). Sums along an axis run over a thread's registers, then over
// lanes from the lowest bit, then over warps in order: a fixed tree for a layout.
package gen
