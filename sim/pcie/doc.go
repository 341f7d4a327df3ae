// Package pcie models PCI Express: root complex, switches, links, endpoints with configuration
// space, BARs, MSI, MSI-X and DMA, and peer-to-peer routing.
//
// Modelled: TLPs and their overhead, flits as a rate, MPS/MRRS/RCB splitting, tags, posted,
// non-posted and completion queues with credits and passing rules, store and forward; Ack/Nak and
// replay on links with injected faults; AER, poison, refused requests and timeouts; ports with
// bridge registers, hot reset and access control; function level reset, D3hot, surprise removal;
// resizable BARs; an optional IOMMU. Not modelled: link training, virtual channels, relaxed and
// ID-based ordering, atomics, ATS traffic, virtual functions.
//
// Packets of one request go in trains (tlp, half): one event for many packets, at the times of
// sending them one by one.
package pcie
