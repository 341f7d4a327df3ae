package script

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// toy is a suite with a register, a function, and verbs.
type toy struct{ reg, calls uint64 }

func (s *toy) Value(name string) (uint64, bool, error) {
	if name == "broken" {
		return 0, true, errors.New("no answer")
	}
	return s.reg, name == "REG", nil
}

func (s *toy) Call(name string, a []uint64) (uint64, bool, error) {
	if name != "sum" {
		return 0, false, nil
	}
	v := uint64(0)
	for _, x := range a {
		v += x
	}
	return v, true, nil
}

func (s *toy) Do(verb string, a *Args) (bool, error) {
	s.calls++
	switch verb {
	case "set":
		v, err := a.Word(0)
		if err == nil {
			s.reg, err = a.Key("plus", 0)
			s.reg += v
		}
		return true, err
	case "refuse":
		return true, fmt.Errorf("%w: not here", ErrSkip)
	}
	return false, nil
}

func TestEval(t *testing.T) {
	for _, c := range []struct {
		text string
		want uint64
	}{
		{"1 + 2*3", 7}, {"(1+2)*3", 9}, {"1<<4|3", 19}, {"7 & 3 == 3", 1}, {"^0", ^uint64(0)},
		{"!3", 0}, {"-1 == 0xffffffffffffffff", 1}, {"10 - 3 - 2", 5}, {"0xff &^ 0xf", 0xf0},
		{"sum(1, 2, sum(3))", 6}, {"sum()", 0}, {"REG / 2 % 3", 2}, {"1 == 2 || 3 > 2 && 1", 1},
	} {
		if got, err := Eval(c.text, &toy{reg: 10}); err != nil || got != c.want {
			t.Errorf("%s gives %d, %v; want %d", c.text, got, err, c.want)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"", "missing"}, {"1 +", "missing"}, {"(1", ") is missing"}, {"1 2", "left over"},
		{"nobody", `no "nobody"`}, {"f(1)", `no function "f"`}, {"1/0", "division"},
		{"0xzz", "no number"}, {"broken", "no answer"}, {"*1", "not expected"},
		{strings.Repeat("(", 200), "levels"}, {strings.Repeat("!", 200) + "1", "levels"},
	} {
		if _, err := Eval(c.text, &toy{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: error %v; want %q", c.text, err, c.want)
		}
	}
}

func TestCases(t *testing.T) {
	cases, err := Parse("f.txtar", "f", []byte(`About the file.
-- good --
rule A B
set 1 + 2 plus=sum(1, 1)   # 5
check REG == 5
n := 0
for i 1 3
  for j 0 1
    n := n + i*j
  end
end
check n == 6
-- bad --
rule A
check REG == 1
-- not-offered --
rule A
need REG == 0
-- refused --
rule A
refuse
-- unknown --
rule A

frob 1
`))
	if err != nil {
		t.Fatal(err)
	}
	s := &toy{}
	want := []Outcome{{}, {Line: 15, Failed: true}, {Line: 18, Skip: true}, {Line: 21, Skip: true},
		{Line: 25}}
	for i := range cases {
		got := cases[i].Run(s)
		if (got.Err != nil) != (i > 0) || got.Line != want[i].Line ||
			got.Failed != want[i].Failed ||
			got.Skip != want[i].Skip {
			t.Errorf("%s: %+v", cases[i].Name, got)
		}
	}
	if out := cases[1].Run(s); out.Err.Error() != "REG == 1 does not hold: 0x5 == 0x1" {
		t.Error(out.Err)
	}
	if len(cases[0].Rules) != 2 {
		t.Errorf("rules %v", cases[0].Rules)
	}
}

func TestMistakesHavePlaces(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"-- a --\ncheck 1\n", "f:1: case a names no rule"},
		{"x\n-- a --\nrule A\ncheck 1 +\n", "f:4: column 4"},
		{"-- a --\nrule A\nend\n", "f:3: end without for"},
		{"-- --\n", "f:1: a case without a name"},
		{"-- a --\nrule A\nfor i 1\n", "f:3: write: for NAME"},
		{"-- a --\nrule A\nfor i 1 2\ncheck 1\n", "for without end"},
		{"-- a --\nrule A\n-- a --\nrule A\n", "f:3: case a stands twice"},
		{"-- a --\nrule A\nv := (\n", "f:3: column"},
	} {
		_, err := Parse("f", "f", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; want %q", c.text, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("-- a --\nrule A\nfor i 0 2\nset i plus=(1+2)*3\nend\ncheck REG&1 == sum(1,2)\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		cases, err := Parse("f", "f", data)
		if err != nil {
			return
		}
		for i := range cases {
			if !strings.Contains(string(data), "for") { // loops may be long
				cases[i].Run(&toy{})
			}
		}
	})
}
