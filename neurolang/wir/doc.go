// Package wir owns the warp IR: the code of one thread with virtual registers, structured control
// and the asynchronous instructions of the machine; its builder, text form, verifier and PTX.
//
// Instructions are spelt as PTX spells them; what PTX does not have is structure: loops and
// branches are nodes, registers have classes and constants fold.
package wir
