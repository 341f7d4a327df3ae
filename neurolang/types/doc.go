// Package types gives Neuro-Lang's names and expressions their meaning: scopes, types, the checker
// of host code and of tile expressions.
//
// What a target can generate code for is not its business (codegen), nor what only a launch can
// know (vm).
package types
