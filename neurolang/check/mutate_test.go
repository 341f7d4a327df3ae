package check

import (
	"flag"
	"runtime/debug"
	"sort"
	"testing"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/source"
	"tensoros/neurolang/syntax"
)

var mutations = flag.Int("mutations", 5, "how often each test program is mutated")

// TestMutations checks programs with a token dropped, doubled or replaced: whatever comes, no
// panic,
// and what has no error is whole.
func TestMutations(t *testing.T) {
	all := programs(t, langDir+"/accept")
	for name, src := range programs(t, langDir+"/reject") {
		all["reject/"+name] = src
	}
	names := make([]string, 0, len(all))
	for n := range all {
		names = append(names, n)
	}
	sort.Strings(names)
	seed := uint64(1)
	next := func(n int) int {
		seed = seed*6364136223846793005 + 1442695040888963407
		return int(seed>>33) % n
	}
	for _, name := range names {
		for range *mutations {
			src := mutate(all[name], next)
			func() {
				defer func() {
					if r := recover(); r != nil {
						t.Fatalf("%s: %v\n%s\n%s", name, r, src, debug.Stack())
					}
				}()
				p, _, _, ds := checkText("t.nl", src, langDir+"/modules")
				failed := false
				for _, d := range ds {
					failed = failed || d.Severity == diag.Error
				}
				if !failed {
					if err := verify(p); err != nil {
						t.Fatalf("%s: %v\n%s", name, err, src)
					}
				}
			}()
		}
	}
}

// mutate changes one to three tokens of a text.
func mutate(src string, next func(int) int) string {
	for range 1 + next(3) {
		set := &source.Set{}
		f := set.Add("t", []byte(src))
		var toks []syntax.Token
		for _, t := range syntax.Tokens(f, &diag.List{}) {
			if !t.Kind.IsTrivia() {
				toks = append(toks, t)
			}
		}
		if len(toks) < 2 {
			return src
		}
		a, b := toks[next(len(toks))], toks[next(len(toks))]
		text := func(t syntax.Token) string { return src[f.Offset(t.Pos):f.Offset(t.End)] }
		from, to := f.Offset(a.Pos), f.Offset(a.End)
		switch next(4) {
		case 0:
			src = src[:from] + src[to:]
		case 1:
			src = src[:to] + " " + text(b) + src[to:]
		default:
			src = src[:from] + text(b) + src[to:]
		}
	}
	return src
}
