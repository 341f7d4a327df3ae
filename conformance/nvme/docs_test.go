package nvme_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tensoros/conformance/nvme"
	"tensoros/conformance/nvmedriver"
	"tensoros/conformance/pcie"
	"tensoros/conformance/script"
)

// TestDocumentCounts: the counts of docs/conformance.md are those of the suites.
func TestDocumentCounts(t *testing.T) {
	text, err := os.ReadFile("../../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	cases, err := nvme.Cases()
	if err != nil {
		t.Fatal(err)
	}
	bus, err := pcie.Cases()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		fmt.Sprintf("| %d | %d |\n", len(nvme.Rules), len(cases)),
		fmt.Sprintf("| %d | %d |\n", len(pcie.Rules), len(bus)),
		fmt.Sprintf("| %d | watched |\n", len(nvmedriver.Rules)),
		fmt.Sprintf("departs from %d cases", len(departures))}
	for _, list := range [][]script.Case{cases, bus} {
		count, rules := map[string]int{}, map[string]map[string]bool{}
		for i := range list {
			g := list[i].Group
			count[g]++
			if rules[g] == nil {
				rules[g] = map[string]bool{}
			}
			for _, id := range list[i].Rules {
				rules[g][id] = true
			}
		}
		for g, n := range count {
			want = append(want, fmt.Sprintf("| %s | %d | %d |", g, n, len(rules[g])))
		}
	}
	for _, w := range want {
		if !strings.Contains(string(text), w) {
			t.Errorf("docs/conformance.md lacks %q", w)
		}
	}
}
