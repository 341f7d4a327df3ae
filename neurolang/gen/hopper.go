package gen

import "tensoros/neurolang/tir"

type hopper struct{}
type pending struct{}

const consumerBarrier = 1

func (g *gen) planHopper(dots []*tir.Op) bool { return false }
func (h *hopper) fits(op *tir.Op) bool        { return false }
func (g *gen) roles()                         {}
func (g *gen) settleVal(v *val)               {}
func (g *gen) settleAll(v []*val)             {}
func (g *gen) keepPending(carried []*val, out []*tir.Value) {
}
func (g *gen) wgmma(op *tir.Op)          {}
func (g *gen) await(op *tir.Op, r *ring) {}
func (g *gen) storeOp(op *tir.Op)        { g.store(op) }
