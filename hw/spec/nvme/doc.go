// Package nvme is the NVM Express paper as tables: controller registers, queue entries, opcodes,
// status codes, features, log pages, Identify structures and the rules of PRP lists, each row with
// its section. Unless said otherwise sections are of the NVM Express Base Specification 2.0c
// ("Base") and the NVM Command Set Specification 1.0c ("NVM").
//
// It holds layouts and numbers only: neither what a controller does nor how a driver drives it.
package nvme
