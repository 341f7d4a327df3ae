package conformance

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"tensoros/conformance/script"
)

var sample = Report{Suite: "S", Target: "sim", Device: "d <1>", Rules: Rules{
	{"A", "Doc", "1", Must, "It is."}, {"B", "Doc", "2", Should, "It ought."}},
	Results: []Result{
		{Case: "g/one", Rules: []string{"A"}, Took: 1500},
		{Case: "g/two", Rules: []string{"A", "B"}, Verdict: Fail, Place: "f:3",
			Detail: "1 < 2 & so"},
		{Case: "g/three", Rules: []string{"B"}, Verdict: Skip, Detail: "not offered"},
		{Case: "g/four", Rules: []string{"B"}, Verdict: Error, Detail: "no verb"}}}

func TestReports(t *testing.T) {
	if !sample.Failed() || sample.Covered() != 2 || sample.Count(Skip) != 1 {
		t.Error("counted wrongly")
	}
	var text, js, junit, html bytes.Buffer
	for _, err := range []error{sample.WriteText(&text, false), sample.WriteJSON(&js),
		sample.WriteJUnit(&junit), sample.WriteHTML(&html)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"FAIL   g/two", "f:3 1 < 2 & so", "It ought. (Doc, 2; should)",
		"1 passed, 1 failed, 1 skipped, 1 could not be run; 2 of 2 rules checked"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q:\n%s", want, &text)
		}
	}
	var back struct {
		Results []struct{ Verdict string }
		Rules   []struct{ ID, Level, Text string }
	}
	if err := json.Unmarshal(js.Bytes(), &back); err != nil || back.Results[1].Verdict != "fail" ||
		back.Rules[1].Level != "should" {
		t.Errorf("JSON: %v %v", err, back)
	}
	var suite junitSuite
	if err := xml.Unmarshal(junit.Bytes(), &suite); err != nil || suite.Fails != 1 ||
		suite.Cases[1].Fail == nil || suite.Cases[0].Time != "0.000002" {
		t.Errorf("JUnit: %v\n%s", err, &junit)
	}
	if !strings.Contains(html.String(), "d &lt;1&gt;") {
		t.Error("HTML is not escaped")
	}
	if page := html.String(); strings.Index(page, "g/two") > strings.Index(page, "g/one") {
		t.Error("failures do not come first")
	}
}

func TestRuleTables(t *testing.T) {
	for _, bad := range []Rules{{{"A", "", "1", Must, "It is."}}, {sample.Rules[0],
		sample.Rules[0]},
		{{"A", "D", "1", Must, "no sentence"}}} {
		if bad.Check() == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	if err := sample.Rules.Check(); err != nil {
		t.Error(err)
	}
	err := sample.Rules.CheckCases([]script.Case{{Group: "g", Name: "n", Rules: []string{"A",
		"X"}}})
	if err == nil || !strings.Contains(err.Error(), "g/n names X") ||
		!strings.Contains(err.Error(), "no case for B") {
		t.Errorf("rules and cases that do not fit: %v", err)
	}
}
