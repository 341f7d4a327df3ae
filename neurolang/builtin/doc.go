// Package builtin is the one table of what the language itself provides: functions and methods of
// the host and of kernels, with their parameters and a sentence each.
//
// It gives no results' types (check does) and no behaviour (vm and tirgen do).
package builtin
