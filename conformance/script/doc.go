// Package script is the language of conformance cases: txtar files whose sections are cases, a
// statement a line, numbers and strings, and verbs and names that a suite defines.
//
//	-- identify-reserved-cns --
//	rule NVME-BASE-5.17-CNS
//	# A comment.
//	need ID.VER >= 0x10400            skips the case unless it holds
//	n := CAP.MQES + 1                 sets a variable
//	admin identify cns=0xfe           a verb of the suite, with arguments
//	check status == InvalidField      fails the case unless it holds
//	for i 0 3                         i counts from 0 to 3
//	check cfg32(4*i) != 0             a function of the suite
//	end
//
// Values are unsigned integers of 64 bits; operators and their ranks are Go's, comparisons give 0
// or 1.
package script
