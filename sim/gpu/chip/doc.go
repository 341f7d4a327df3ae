// Package chip is the tables of GPUs: one file a chip, every number with its source, and the
// configurations that the models take, built from them.
//
// Marks in sources: [S] read in a public source, [N] in somebody's notes of a paper, [R] recalled
// and not re-read, [D] derived here. No test rests on [N], [R] or [D].
package chip
