// Package examples holds the Neuro-Lang programs that come with TensorOS. It runs nothing.
package examples

import "embed"

// Files are the programs, so that one binary has them wherever it stands.
//
//go:embed *.nl
var Files embed.FS
