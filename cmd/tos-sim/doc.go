// Command tos-sim boots TensorOS on a simulated machine and is the tool around it: compiler driver,
// board descriptions, PTX and trace tools, benchmarks.
//
// One file a subcommand, one table of them (main.go). It owns flags, messages and exit codes; what
// is done is done in the packages below.
package main
