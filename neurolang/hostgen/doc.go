// Package hostgen turns host functions from hir into bytecode: registers, jumps, places, and who
// frees what when.
//
// Tensors, and what contains them, have one owner. A register that owns one is listed in its
// scope; leaving the scope, by whatever way, drops what is still there, for moving a value out
// leaves nothing behind. Values without a name live to the end of their statement.
package hostgen
