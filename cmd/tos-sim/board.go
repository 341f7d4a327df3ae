package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"tensoros/sim/board"
	"tensoros/sim/gpu/chip"
)

// spec is the machine that --board and --set describe.
func (e *env) spec() (board.Spec, error) {
	s, err := e.named(e.board)
	if err != nil {
		return s, err
	}
	for _, set := range e.sets {
		if err := change(&s, set); err != nil {
			return s, err
		}
	}
	return s, nil
}

// named is a board by its name or .toml file.
func (e *env) named(name string) (board.Spec, error) {
	if !strings.HasSuffix(name, ".toml") {
		return preset(name)
	}
	data, err := e.readFile(name)
	if err != nil {
		return board.Spec{}, err
	}
	s, err := board.Parse(name, data)
	if err != nil {
		return s, input("", "%w", atFile(name, err))
	}
	if s.Name == "" {
		s.Name = strings.TrimSuffix(filepath.Base(name), ".toml")
	}
	return s, nil
}

// atFile puts the file before an error that does not name it.
func atFile(name string, err error) error {
	if strings.HasPrefix(err.Error(), name) {
		return err
	}
	return errors.New(name + ": " + err.Error())
}

func preset(name string) (board.Spec, error) {
	s, err := board.Preset(name)
	if err == nil {
		return s, nil
	}
	hint := "or give a .toml file"
	if near := nearest(name, board.Names()); near != "" {
		hint = "did you mean " + near + "?"
	} else if _, err := os.Stat(name); err == nil {
		hint = "the name of a board file ends in .toml"
	}
	return s, usage(hint, "no board %q; there are %s", name, strings.Join(board.Names(), ", "))
}

// change applies one --set KEY=VALUE.
func change(s *board.Spec, set string) error {
	key, value, ok := strings.Cut(set, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if !ok || key == "" || value == "" {
		return usage("as in --set gpu.sm.count=66", "--set %s: write KEY=VALUE", set)
	}
	known := settings(s)
	if !known[key] {
		hint := "machine describe " + s.Name + " shows them all"
		var list []string
		for _, k := range settingNames(s) {
			list = append(list, k.Key)
		}
		if near := nearest(key, list); near != "" {
			hint = "did you mean " + near + "?"
		}
		return usage(hint, "--set: no setting %q of board %s", key, s.Name)
	}
	if err := s.Set(key, value); err != nil {
		return usage("", "--set %s: %w", set, err)
	}
	return nil
}

// setting is something that --set can change.
type setting struct{ Key, Doc string }

// settingNames lists the settings of a board.
func settingNames(s *board.Spec) []setting {
	list := []setting{{"cpus", "processors"}, {"memory", "host memory, as in 64 GiB"}}
	seen := map[string]bool{}
	for _, g := range s.GPUs {
		c := chip.Chips[g.Chip]
		if c == nil {
			continue
		}
		for _, p := range c.Params {
			if key := "gpu." + p.Key; !seen[key] {
				seen[key] = true
				list = append(list, setting{key, chip.Describe(p.Key)})
			}
		}
	}
	return list
}

func settings(s *board.Spec) map[string]bool {
	m := map[string]bool{}
	for _, k := range settingNames(s) {
		m[k.Key] = true
	}
	return m
}
