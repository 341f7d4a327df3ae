package gen

import "tensoros/neurolang/tir"

type hopper struct{}
type ring struct{}
type pending struct{}

const consumerBarrier = 1

func (g *gen) planHopper(dots []*tir.Op) bool { return false }
func (h *hopper) fits(op *tir.Op) bool        { return false }
func (g *gen) planCopies(dots []*tir.Op)      {}
func (g *gen) copied(op *tir.Op) bool         { return false }
func (g *gen) roles()                         {}
func (g *gen) settleVal(v *val)               {}
func (g *gen) settleAll(v []*val)             {}
func (g *gen) keepPending(carried []*val, out []*tir.Value) {
}
func (g *gen) wgmma(op *tir.Op)   {}
func (g *gen) loadOp(op *tir.Op)  { g.load(op) }
func (g *gen) storeOp(op *tir.Op) { g.store(op) }
