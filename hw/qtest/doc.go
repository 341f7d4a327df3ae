// Package qtest is a hw.Machine whose devices are QEMU's own models: a QEMU without a guest is
// driven over its qtest protocol (QEMU, system/qtest.c) from this process. Configuration space,
// registers and the clock are lines of text on a socket; DMA memory is a file that both map; an
// interrupt is a message that lands in a word of it.
//
// The machine is a q35 with one processor. Its functions are those that the caller adds; the
// chipset's own are left out. Time is QEMU's virtual clock, which passes at Relax, Idle and Work
// alone.
package qtest
