// Package conformance holds rules of standards and reports of how a target keeps them. The suites
// are its folders: rules as a table, cases as txtar that a small language (conformance/script) runs
// on any hw.Machine, checkers over what a foreign driver did.
package conformance
