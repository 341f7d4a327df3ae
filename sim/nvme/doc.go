// Package nvme models an NVM Express controller with its flash behind a PCI Express function:
// registers, queues, commands and status by the standard, contents in a Store, and time by a chain
// of servers - fetch, firmware, dies, channels, write buffer, link - whose parameters are tables
// with their sources (profile.go).
//
// What an opcode, a feature or a log page is stands in the tables of hw/spec/nvme; what is done
// about it, in verb.go, feature.go and log.go. What survives power lies beside the contents
// (state.go). Faults are injected by a plan (fault.go, faultplan.go).
//
// It does not model a flash translation layer: pages are read where a fixed striping puts them and
// programmed at an append point, nothing is erased or collected, programs are not suspended, and
// reads do not hit the write buffer. Metadata, protection information, endurance
// groups, zones and more than one controller are not offered; INTx and MSI neither.
package nvme
