package check

import (
	"sort"
	"testing"
)

// TestFewCascades changes one token of correct programs: most of the time there is one error to
// tell, and hardly ever are there more than three.
func TestFewCascades(t *testing.T) {
	all := programs(t, langDir+"/accept")
	var names []string
	for n := range all {
		names = append(names, n)
	}
	sort.Strings(names)
	seed := uint64(7)
	next := func(n int) int {
		seed = seed*6364136223846793005 + 1442695040888963407
		return int(seed>>33) % n
	}
	total, many := 0, 0
	for _, n := range names {
		for range 10 {
			once := true
			src := mutate(all[n], func(m int) int {
				if once {
					once = false
					return 0
				}
				return next(m)
			})
			_, _, _, ds := checkText("t.nl", src, langDir+"/modules")
			total++
			if len(ds) > 3 {
				many++
			}
		}
	}
	if 100*many > 4*total {
		t.Errorf("%d of %d slips give more than 3 diagnostics", many, total)
	}
	t.Logf("%d of %d", many, total)
}
