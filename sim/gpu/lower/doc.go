// Package lower turns the PTX of a function into a machine program: what folds away, what expands,
// in which order it issues, how many registers it takes, how long each machine instruction must
// wait for those before it, and on which scoreboard tokens.
//
// It stands for ptxas, whose choices it imitates; the tests hold both side by side. What an
// instruction computes is not its matter: package sm executes PTX, in the order given here.
package lower
