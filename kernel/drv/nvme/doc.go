// Package nvme drives NVM Express controllers: bring-up, one polled queue pair a processor, reads
// and writes between blocks and bus addresses - host memory or another device's BAR alike - with
// many in flight, and shutdown.
//
// It never touches data, allocates nothing once a drive is open, and uses no interrupts. It does
// not retry, and drives the first active namespace only. A Drive is for cooperative tasks: calls
// of different processors may interleave, calls of one must not.
package nvme
