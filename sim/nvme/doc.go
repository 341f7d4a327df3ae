// Package nvme models an NVM Express controller with its flash behind a PCI Express function:
// registers, queues, commands and status by the standard, contents in a Store, and time by a chain
// of servers - fetch, firmware, dies, channels, write buffer, link - whose parameters are tables
// with their sources (profile.go).
//
// What an opcode, a feature or a log page is stands in the tables of hw/spec/nvme; what is done
// about it, in verb.go, feature.go and log.go. What survives power lies beside the contents
// (state.go). Faults are injected by a plan (fault.go, faultplan.go).
//
// The flash translation layer knows where things lie (ftl.go), the flash when they are there
// (flash.go, program.go), and the undo log what a power cut takes from a volatile write buffer
// (undo.go). Ageing moves the map without time (age.go).
//
// Programs and erases are not suspended; retention and read disturb are not modelled. Metadata,
// protection information, endurance groups, zones and more than one controller are not offered;
// INTx and MSI neither.
package nvme
