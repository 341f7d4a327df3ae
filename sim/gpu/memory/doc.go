// Package memory says when memory beyond the SM answers: L2 tags and bandwidth, HBM.
//
// First layer: one L2 of 32-byte sectors in 128-byte lines with its own tags, one lane of L2
// bandwidth, one of HBM. Not modelled yet: L1 caching, the two L2 partitions, slices, HBM rows.
// Contents are elsewhere (sim/mem); times are SM clock cycles.
package memory
