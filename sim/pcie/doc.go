// Package pcie models PCI Express at the transaction layer: root complex, switches, links with
// flow-control credits and ordering, endpoints with configuration space, BARs, MSI-X and DMA, and
// peer-to-peer routing.
//
// Modelled: TLP and DLLP overhead, MPS/MRRS/RCB splitting, tags, posted/non-posted/completion
// queues and their passing rules, credits, store and forward. Not modelled: link training, Ack/Nak
// replay, power states, error messages, virtual channels, relaxed ordering.
package pcie
