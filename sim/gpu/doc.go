// Package gpu is the PCI function of a GPU: registers, BARs, channels, pushbuffers, copy engine,
// page tables, and the front end that hands grids to the SMs.
//
// Modelled: the host interface of NVIDIA's class headers and GA100 manuals (runlists, GPFIFO
// channels, USERD, doorbell, methods, launch descriptors, semaphores, GMMU). Not modelled: firmware
// boot (channels are offered directly), time slices, interrupts, replayable faults, graphics. PTX
// is the instruction set; sim/gpu/sm runs it, sim/gpu/tensor computes its matrices.
package gpu
