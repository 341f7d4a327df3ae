// Package board puts the device models together into a computer: a hw.Machine made of simulated
// processors, memory and PCI functions.
//
// It plays the firmware (BARs are placed, bridges forward) and the processor (what a crossing of
// the door costs); what devices do is theirs.
package board
