package conformance

import (
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
