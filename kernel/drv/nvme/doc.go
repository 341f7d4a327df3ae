// Package nvme drives NVM Express controllers: one polled queue pair a processor, requests between
// blocks of a namespace and bus addresses - host memory or another device's BAR alike - with many
// in flight, events, log pages, and recovery.
//
// It never touches data, allocates nothing on the way of a request that goes well, and uses no
// interrupts, so none can be lost. It drives one namespace at a time, of blocks of 512 to 4096
// bytes without metadata, with memory pages of 4096 bytes; it refuses what is otherwise, with the
// reason. A Drive is for cooperative tasks: calls of different processors may interleave, calls of
// one must not.
//
// Every request ends, with success or an error that names the function. What goes wrong climbs a
// ladder, whose every step is bounded in the processor's own time:
//
//	a status without Do Not Retry   sent again, six times at most and twice after a media error,
//	                                after the controller's delay (CRDT) or 100 us that double
//	no completion within Timeout    Abort; an eighth of Timeout later,
//	no completion after that, CFS, RDY gone, or a completion that no command can have caused
//	                                a controller reset: CC.EN 0 and 1, queues as before, commands
//	                                in flight sent again
//	the reset does not work         a function level reset, and the same
//	that does not work, or three resets without a command that succeeded
//	                                the drive is given up: stopped by CC.EN or by taking bus
//	                                mastering from it, and every request fails with the cause
//	registers and configuration space read all ones
//	                                the drive is lost: every request fails with hw.ErrLost
//
// Sending a command again is safe: all that are sent may be done twice, and between commands in
// flight NVM Express knows no order. A request is over only when its memory is: the controller has
// completed it, has been reset, or was kept from the bus. Where even that fails, the error is
// ErrWild and the memory must not be used again.
//
// A bit that turns in a completion is caught where it changes which command completed or whether
// it did; a bit that turns in data is not: that is what checksums are for.
package nvme
