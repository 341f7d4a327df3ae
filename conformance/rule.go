package conformance

import (
	"fmt"
	"strings"
)

// Level is how binding a rule is.
type Level uint8

// Levels, in the standards' own words.
const (
	Must Level = iota // shall
	Should
	May // a feature that, where it is offered, behaves as said
)

var levels = [...]string{"must", "should", "may"}

func (l Level) String() string { return levels[l] }

// MarshalText writes the level as its word.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Rule is a sentence of a standard that can be checked.
type Rule struct {
	ID      string `json:"id"`  // DOCUMENT-SECTION-NAME
	Doc     string `json:"doc"` // "NVM Express Base 2.0c"
	Section string `json:"section"`
	Level   Level  `json:"level"`
	Text    string `json:"text"` // in our words
}

// Rules is a table of rules.
type Rules []Rule

// Find returns the rule of an id; nil if there is none.
func (r Rules) Find(id string) *Rule {
	for i := range r {
		if r[i].ID == id {
			return &r[i]
		}
	}
	return nil
}

// Check reports what is wrong with the table: ids twice, fields left out.
func (r Rules) Check() error {
	seen := map[string]bool{}
	for i := range r {
		switch row := &r[i]; {
		case row.ID == "" || row.Doc == "" || row.Section == "" || row.Text == "":
			return fmt.Errorf("conformance: rule %d, %q, is not whole", i, row.ID)
		case seen[row.ID]:
			return fmt.Errorf("conformance: rule %s stands twice", row.ID)
		case !strings.HasSuffix(row.Text, "."):
			return fmt.Errorf("conformance: rule %s is no sentence", row.ID)
		}
		seen[r[i].ID] = true
	}
	return nil
}

// Verdict is how a case ended.
type Verdict uint8

// Verdicts.
const (
	Pass Verdict = iota
	Fail
	Skip  // the target does not offer what the case is about
	Error // the case could not be run
)

var verdicts = [...]string{"pass", "FAIL", "skip", "ERROR"}

func (v Verdict) String() string { return verdicts[v] }

// Result is a case that was run.
type Result struct {
	Case    string   `json:"case"` // GROUP/NAME
	Rules   []string `json:"rules"`
	Verdict Verdict  `json:"-"`
	// Place is the line of the case that failed or skipped, FILE:LINE.
	Place  string `json:"place,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Took is the target's time, ns.
	Took int64 `json:"took_ns"`
}

// Report is a run of a suite against a target.
type Report struct {
	Suite   string   `json:"suite"`
	Target  string   `json:"target"`
	Device  string   `json:"device"` // what the target says that it is
	Results []Result `json:"results"`
	Rules   Rules    `json:"rules"`
}

// Count is how many results have a verdict.
func (r *Report) Count(v Verdict) int {
	n := 0
	for i := range r.Results {
		if r.Results[i].Verdict == v {
			n++
		}
	}
	return n
}

// Failed reports whether any case failed or could not be run.
func (r *Report) Failed() bool { return r.Count(Fail)+r.Count(Error) > 0 }

// Covered is how many rules were checked: named by a case that passed or failed.
func (r *Report) Covered() int {
	seen := map[string]bool{}
	for i := range r.Results {
		if v := r.Results[i].Verdict; v == Pass || v == Fail {
			for _, id := range r.Results[i].Rules {
				seen[id] = true
			}
		}
	}
	return len(seen)
}
