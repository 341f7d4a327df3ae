package conformance

import (
	"errors"
	"fmt"

	"tensoros/conformance/script"
)

// Outcome makes a result of how a case ended.
func Outcome(c *script.Case, out script.Outcome, took int64) Result {
	r := Result{Case: c.Group + "/" + c.Name, Rules: c.Rules, Took: took}
	switch {
	case out.Err == nil:
		return r
	case out.Failed:
		r.Verdict = Fail
	case out.Skip:
		r.Verdict = Skip
	default:
		r.Verdict = Error
	}
	r.Place = fmt.Sprintf("%s:%d", c.File, out.Line)
	r.Detail = out.Err.Error()
	return r
}

// CheckCases reports what is wrong between a table of rules and the cases of its suite: the table
// itself, a rule that no case names, a name that is no rule.
func (r Rules) CheckCases(cases []script.Case) error {
	errs := []error{r.Check()}
	named := map[string]bool{}
	for _, c := range cases {
		for _, id := range c.Rules {
			named[id] = true
			if r.Find(id) == nil {
				errs = append(errs, fmt.Errorf("%s/%s names %s, which is no rule", c.Group,
					c.Name, id))
			}
		}
	}
	for i := range r {
		if id := r[i].ID; !named[id] {
			errs = append(errs, fmt.Errorf("no case for %s", id))
		}
	}
	return errors.Join(errs...)
}
