package ptx

import (
	"fmt"
	"sort"
	"strings"
)

// Pos is a place in the source, both counted from 1; columns count bytes.
type Pos struct{ Line, Col int32 }

// Error is one fault.
type Error struct {
	Name string // the file, as given to Parse
	Pos  Pos
	Msg  string
	Hint string // may be empty
}

// Error writes name:line:col: message (hint).
func (e *Error) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Pos.Line, e.Pos.Col, e.Msg)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// ErrorList is every fault found in one run, in source order.
type ErrorList []*Error

// Error writes one fault a line.
func (l ErrorList) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// maxErrors bounds a report: after so many faults the file is not PTX.
const maxErrors = 1000

func (l *ErrorList) add(name string, pos Pos, msg, hint string) {
	if len(*l) < maxErrors {
		*l = append(*l, &Error{name, pos, msg, hint})
	}
}

func (l ErrorList) err() error {
	if len(l) == 0 {
		return nil
	}
	sort.SliceStable(l, func(i, j int) bool {
		a, b := l[i].Pos, l[j].Pos
		return a.Line < b.Line || a.Line == b.Line && a.Col < b.Col
	})
	return l
}

func quote(s string) string {
	const most = 80
	if len(s) > most {
		s = s[:most] + "..."
	}
	return fmt.Sprintf("%q", s)
}

// suggest names the candidate nearest to word, or nothing when none is near.
func suggest(word string, candidates []string) string {
	const longest = 64 // mangled names are too long to be typing slips
	best, bestDist := "", len(word)/2+1
	if len(word) > longest {
		return ""
	}
	for _, c := range candidates {
		if len(c) > longest || c == word {
			continue
		}
		if d := editDistance(word, c); d < bestDist {
			best, bestDist = c, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diag
			if a[i-1] != b[j-1] {
				cost = 1 + min(diag, row[j], row[j-1])
			}
			diag, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}
