// Package export lets a peer outside of simulated time - QEMU with a guest in it - drive one
// simulated PCI function: it puts the function below a root complex of its own whose host memory is
// the peer's, paces the engine against the peer's clock, and records what crosses so that it can be
// run again.
//
// A run is a function of its tape: the same accesses at the same simulated times, with the same
// memory contents, give the same answers, the same DMA and the same interrupts (Replay).
package export
