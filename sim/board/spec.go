package board

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"tensoros/sim/gpu/chip"
	"tensoros/sim/nvme"
)

// Spec describes a computer.
type Spec struct {
	Name     string       `toml:"name"`
	Title    string       `toml:"title"`
	CPUs     int          `toml:"cpus"`
	Memory   Size         `toml:"memory"`
	Slots    int          `toml:"slots"` // PCI Express generation of the slots
	Switches []SwitchSpec `toml:"switch"`
	GPUs     []GPUSpec    `toml:"gpu"`
	Drives   []DriveSpec  `toml:"drive"`
}

// SwitchSpec is a switch below the root complex, with an x16 link up.
type SwitchSpec struct {
	Name string `toml:"name"`
}

// GPUSpec is a GPU: a chip, where it is plugged in, and changes of its parameters.
type GPUSpec struct {
	Chip   string            `toml:"chip"`
	Switch string            `toml:"switch"`
	Set    map[string]string `toml:"set"`
}

// DriveSpec is an NVMe drive: a profile of sim/nvme, and where it is plugged in.
type DriveSpec struct {
	Profile string `toml:"profile"`
	Switch  string `toml:"switch"`
	Size    Size   `toml:"size"`
}

// Size is a number of bytes, written as "16 GiB".
type Size string

var units = []struct {
	name  string
	bytes uint64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// Bytes is the number; 0 if the size is not valid (Check reports that).
func (s Size) Bytes() uint64 {
	n, _ := s.parse()
	return n
}

func (s Size) parse() (uint64, error) {
	for _, u := range units {
		if num, ok := strings.CutSuffix(string(s), u.name); ok {
			v, err := strconv.ParseUint(strings.TrimSpace(num), 10, 64)
			if err == nil && v <= 1<<62/u.bytes {
				return v * u.bytes, nil
			}
		}
	}
	return 0, fmt.Errorf("size %q: write a whole number and B, KiB, MiB, GiB or TiB, "+
		"as in \"16 GiB\"", string(s))
}

// Parse reads a board from TOML. Errors give file, line and column; unknown keys are errors.
func Parse(file string, data []byte) (Spec, error) {
	var s Spec
	d := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, position(file, err)
	}
	return s, s.Check()
}

func position(file string, err error) error {
	var syntax *toml.DecodeError
	var strict *toml.StrictMissingError
	switch {
	case errors.As(err, &strict) && len(strict.Errors) > 0:
		row, col := strict.Errors[0].Position()
		key := strings.Join(strict.Errors[0].Key(), ".")
		return fmt.Errorf("%s:%d:%d: unknown key %q (boards have name, title, cpus, memory, "+
			"slots, [[switch]], [[gpu]], [[drive]])", file, row, col, key)
	case errors.As(err, &syntax):
		row, col := syntax.Position()
		return fmt.Errorf("%s:%d:%d: %v", file, row, col, syntax)
	}
	return fmt.Errorf("%s: %w", file, err)
}

// Check reports what no computer can be made of.
func (s *Spec) Check() error {
	if s.CPUs < 1 || s.CPUs > MaxCPUs {
		return fmt.Errorf("board %s: %d CPUs; 1 to %d are possible", s.Name, s.CPUs, MaxCPUs)
	}
	if _, err := s.Memory.parse(); err != nil {
		return fmt.Errorf("board %s: memory: %w", s.Name, err)
	}
	if s.Slots < 1 || s.Slots > 5 {
		return fmt.Errorf("board %s: slots of PCI Express generation %d; 1 to 5 are modelled",
			s.Name, s.Slots)
	}
	known := map[string]bool{"": true}
	for _, sw := range s.Switches {
		known[sw.Name] = true
	}
	for i, g := range s.GPUs {
		if chip.Chips[g.Chip] == nil {
			return fmt.Errorf("board %s: gpu %d: no chip %q; there are %s", s.Name, i, g.Chip,
				strings.Join(chip.Names(), ", "))
		}
		if !known[g.Switch] {
			return fmt.Errorf("board %s: gpu %d: no switch %q on this board", s.Name, i, g.Switch)
		}
	}
	for i, d := range s.Drives {
		if _, err := d.Size.parse(); err != nil {
			return fmt.Errorf("board %s: drive %d: %w", s.Name, i, err)
		}
		if nvme.Find(d.Profile) == nil {
			return fmt.Errorf("board %s: drive %d: no profile %q; there are %s", s.Name, i,
				d.Profile, strings.Join(nvme.Names(), ", "))
		}
		if !known[d.Switch] {
			return fmt.Errorf("board %s: drive %d: no switch %q on this board", s.Name, i, d.Switch)
		}
	}
	return nil
}

// Set changes a setting: cpus, memory, or gpu.KEY of every GPU.
func (s *Spec) Set(key, value string) error {
	switch {
	case key == "cpus":
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("cpus: %q is not a whole number", value)
		}
		s.CPUs = n
	case key == "memory":
		s.Memory = Size(value)
	case strings.HasPrefix(key, "gpu."):
		for i := range s.GPUs {
			name := strings.TrimPrefix(key, "gpu.")
			if _, err := chip.Chips[s.GPUs[i].Chip].With(name, value); err != nil {
				return err
			}
			set := map[string]string{name: value}
			for k, v := range s.GPUs[i].Set {
				if k != name {
					set[k] = v
				}
			}
			s.GPUs[i].Set = set
		}
	default:
		return fmt.Errorf("no setting %q; there are cpus, memory and gpu.KEY "+
			"(see: machine describe)", key)
	}
	return s.Check()
}

//go:embed boards/*.toml
var presets embed.FS

// Names lists the boards that come with the program.
func Names() []string {
	entries, err := presets.ReadDir("boards")
	if err != nil {
		panic("board: " + err.Error())
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".toml"))
	}
	sort.Strings(names)
	return names
}

// Preset is a board that comes with the program.
func Preset(name string) (Spec, error) {
	data, err := presets.ReadFile("boards/" + name + ".toml")
	if err != nil {
		return Spec{}, fmt.Errorf("no board %q; there are %s (or give a .toml file)", name,
			strings.Join(Names(), ", "))
	}
	return Parse(name+".toml", data)
}
