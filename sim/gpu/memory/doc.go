// Package memory says when memory beyond the SM answers: the two partitions of L2 with their
// hashed slices, and the channels of HBM.
//
// Each SM sees the partition it is near to. What that evicts moves over to the other while there
// is room, so that one SM finds the whole L2, half of it far. Requests come from the SMs in
// batches ordered by time. Contents are elsewhere (sim/mem); times are SM clock cycles.
package memory
