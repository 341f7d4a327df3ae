package builtin

import (
	"regexp"
	"strings"
	"testing"
)

func TestTableIsWellFormed(t *testing.T) {
	name := regexp.MustCompile(`^([A-Za-z]+(::|\.))?[a-z_0-9]+$`)
	seen := map[string]bool{}
	for _, f := range Table {
		if seen[f.Name] || !name.MatchString(f.Name) {
			t.Errorf("%s: twice, or no name", f.Name)
		}
		seen[f.Name] = true
		if f.Where&Both == 0 || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s: nowhere, or without a sentence", f.Name)
		}
		optional := false
		for i, p := range f.Params {
			self := p.Name == "self" && i == 0
			if p.Name == "" || p.Type == "" && !self || p.Rest && i != len(f.Params)-1 {
				t.Errorf("%s: parameter %d: %+v", f.Name, i, p)
			}
			if optional && !p.Optional && f.Name != "spans" {
				t.Errorf("%s: %s stands behind an optional parameter", f.Name, p.Name)
			}
			optional = optional || p.Optional
		}
	}
}

func TestFind(t *testing.T) {
	f := Find("Tensor.reshape")
	if f == nil || !f.In(Host) || f.In(Kernel) || len(f.Params) != 2 || f.Params[0].Mode != Borrow {
		t.Fatalf("%+v", f)
	}
	if r, n, ok := f.Method(); r != "Tensor" || n != "reshape" || !ok {
		t.Error(r, n, ok)
	}
	if f := Find("sum"); !f.Params[1].Const || !f.Params[1].Optional || f.Params[1].Name != "axis" {
		t.Errorf("%+v", f)
	}
	if Find("nothing") != nil {
		t.Error("found nothing")
	}
}
