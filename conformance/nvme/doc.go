// Package nvme holds an NVM Express controller on PCI Express against what the Base and the NVM
// Command Set specifications ask of it. It drives a bare function of any hw.Machine with a host of
// its own: queues, PRPs and SGLs, doorbells, all in the open, so that a case can do anything that a
// host can do, right or wrong. What is on the drive is lost.
//
// Cases are txtar files in the language of conformance/script. Its verbs here:
//
//	enable [cc=V] [wait=0]       AQA, ASQ, ACQ and CC as they are set up; waits for CSTS.RDY
//	disable [wait=0]             clears CC.EN; waits until CSTS.RDY is zero
//	reset | flr | nssr           disable and enable; function level; subsystem, then enable
//	admin NAME KEY=V...          a command to its completion; NAME is an opcode's, or a number
//	io NAME KEY=V...             the same on queue q=1, which is made if it is not there
//	submit NAME KEY=V...         no wait; q=0 is the admin queue; ring=0: no doorbell either
//	ring Q                       the tail doorbell
//	wait N [q=Q] [ack=0]         takes N completions of a completion queue
//	quiet NS [q=Q]               fails if a completion comes in that time
//	queue ID [size=N] [cq=ID] [vector=V] [ien=1]   a pair of queues, or one more for a queue
//	bell sq|cq ID V [width=N]    a doorbell with any value
//	w8 w16 w32 w64 OFFSET V      a register
//	set8 to set64 ADDRESS V      host memory
//	fill ADDRESS N V, pattern ADDRESS N SEED, desc ADDRESS TYPE ADDRESS N   bytes; an SGL entry
//	pause NS, until (CONDITION) NS   time passes; the second fails if it was all used up
//	route V, mask V, unmask V, forget   interrupts, and what came of them
//
// KEYs of commands are opcode fields by the standard's short names (commandFields), cdw2 to cdw15,
// flags, fuse, psdt, nsid, cid, mptr, prp1 and prp2; without those two, PRPs for len=N bytes at=A
// are made, with gap=N pages from one to the next, their list at list=A, or sgl=1 one descriptor.
// is=NAME/NAME fails the case unless the status is one of these; timeout=NS is how long to wait.
//
// D, X and L are the addresses of buffers of 2 MiB, 128 KiB and 64 KiB. Between all that a host
// gives a controller lie guard bytes; a controller that writes there fails the case.
package nvme
