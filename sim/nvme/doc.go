// Package nvme models an NVM Express controller with its flash behind a PCI Express function:
// registers, queues, commands and status by the standard, contents in a Store, and time by a chain
// of servers - fetch, firmware, dies, channels, write buffer, link - whose parameters are tables
// with their sources (profile.go).
//
// It does not model a flash translation layer: pages are read where a fixed striping puts them and
// programmed at an append point, nothing is erased or collected, programs are not suspended, and
// reads do not hit the write buffer. SGLs, metadata, fused commands, namespaces other than 1,
// weighted arbitration and power states are not offered. Commands are never aborted once they run.
package nvme
