// Package vm runs Neuro-Lang's host code: values, the interpreter of bytecode, what the language
// itself provides, and the checks of a launch.
//
// What it runs on is a Runtime: the kernel's (kernel/run), or plain memory (neurolang/emu).
package vm
