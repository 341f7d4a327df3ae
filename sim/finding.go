package sim

import "fmt"

// Finding is a rule of a standard that a guest broke: never an error value nor a panic. The model
// does what the standard says, and notes it.
type Finding struct {
	Rule   string // PCIE-2.3.1-UR: document, section, name
	At     Time
	Track  string
	Detail string
}

func (f Finding) String() string {
	return fmt.Sprintf("finding %s at %v on %s: %s", f.Rule, f.At, f.Track, f.Detail)
}
