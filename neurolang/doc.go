// Package neurolang is the compiler's front door: Compile for files, Session for a REPL.
//
// It runs nothing itself; programs run in vm on a Runtime that the kernel fills.
package neurolang
