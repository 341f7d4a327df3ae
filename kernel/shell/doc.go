// Package shell is the REPL of TensorOS: Neuro-Lang line by line, and a few commands about the
// machine. The terminal is its host's; so are files.
package shell
