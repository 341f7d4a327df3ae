package main

import (
	"fmt"
	"slices"
	"strconv"

	"tensoros/hw/spec/pcie"
	"tensoros/sim"
	"tensoros/sim/board"
	"tensoros/sim/gpu/chip"
	"tensoros/sim/nvme"
)

// machineReport is what machine describe tells.
type machineReport struct {
	Name   string      `json:"name"`
	Title  string      `json:"title"`
	CPUs   int         `json:"cpus"`
	Memory string      `json:"memory"`
	Slots  int         `json:"slots_gen"`
	PCI    *pciNode    `json:"pci"`
	Tables []partTable `json:"tables"`
}

type pciLink struct {
	Gen   int     `json:"gen"`
	Lanes int     `json:"lanes"`
	Rate  float64 `json:"bytes_per_s"` // of the physical layer, one way
}

// pciNode is a place in the PCI Express tree; the root complex has no link up.
type pciNode struct {
	Name  string     `json:"name"`
	Title string     `json:"title,omitempty"`
	Link  *pciLink   `json:"link,omitempty"`
	Below []*pciNode `json:"below,omitempty"`
}

// partTable is the numbers of equal parts.
type partTable struct {
	Parts []string  `json:"parts"`
	Model string    `json:"model"`
	Title string    `json:"title"`
	Rows  []partRow `json:"rows"`
}

type partRow struct {
	Key    string  `json:"key"`
	Value  float64 `json:"value"`
	Text   string  `json:"-"`
	Unit   string  `json:"unit,omitempty"`
	Doc    string  `json:"doc"`
	Source string  `json:"source"`
}

func describe(s *board.Spec) (*machineReport, error) {
	m := &machineReport{Name: s.Name, Title: s.Title, CPUs: s.CPUs, Memory: string(s.Memory),
		Slots: s.Slots, PCI: &pciNode{Name: "root complex"}}
	at := map[string]*pciNode{"": m.PCI}
	for _, sw := range s.Switches {
		at[sw.Name] = m.PCI.add(sw.Name, "switch", pcie.Link{Gen: min(5, s.Slots), Lanes: 16})
	}
	m.Tables = append(m.Tables, cpuTable(s))
	for i, g := range s.GPUs {
		c, err := g.Build()
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("gpu%d", i)
		gen := min(int(c.Get("pcie.gen")), s.Slots)
		at[g.Switch].add(name, c.Title, pcie.Link{Gen: gen, Lanes: int(c.Get("pcie.lanes"))})
		m.addTable(name, chipTable(c))
	}
	for i, d := range s.Drives {
		p := nvme.Find(d.Profile)
		if p == nil {
			return nil, fmt.Errorf("board %s: drive %d: no profile %q", s.Name, i, d.Profile)
		}
		name := fmt.Sprintf("nvme%d", i)
		at[d.Switch].add(name, p.Model+", "+string(d.Size),
			pcie.Link{Gen: min(p.Link.Gen, s.Slots), Lanes: p.Link.Lanes})
		m.addTable(name, driveTable(p))
	}
	return m, nil
}

func (n *pciNode) add(name, title string, l pcie.Link) *pciNode {
	c := &pciNode{Name: name, Title: title, Link: &pciLink{l.Gen, l.Lanes, l.Raw()}}
	n.Below = append(n.Below, c)
	return c
}

// addTable joins parts that are alike.
func (m *machineReport) addTable(name string, t partTable) {
	for i := range m.Tables {
		if m.Tables[i].Model == t.Model && slices.Equal(m.Tables[i].Rows, t.Rows) {
			m.Tables[i].Parts = append(m.Tables[i].Parts, name)
			return
		}
	}
	t.Parts = []string{name}
	m.Tables = append(m.Tables, t)
}

func row(key string, value float64, unit, doc, source string) partRow {
	text := strconv.FormatFloat(value, 'f', -1, 64)
	switch {
	case unit == "Hz":
		text, unit = strconv.FormatFloat(value/1e6, 'f', -1, 64), "MHz"
		value /= 1e6
	case unit == "B" && value >= 1<<30:
		text += fmt.Sprintf(" (%g GiB)", value/(1<<30))
	case unit == "B" && value >= 1<<20:
		text += fmt.Sprintf(" (%g MiB)", value/(1<<20))
	case unit == "B" && value >= 1<<10:
		text += fmt.Sprintf(" (%g KiB)", value/(1<<10))
	case unit == "B/s":
		text, unit = strconv.FormatFloat(value/1e9, 'f', -1, 64), "GB/s"
		value /= 1e9
	}
	return partRow{key, value, text, unit, doc, source}
}

func chipTable(c *chip.Chip) partTable {
	t := partTable{Model: c.Name, Title: c.Title}
	for _, p := range c.Params {
		doc := chip.Describe(p.Key)
		t.Rows = append(t.Rows, row("gpu."+p.Key, p.Value, p.Unit, doc, p.Source))
	}
	return t
}

func nanoseconds(t sim.Time) float64 { return float64(t) / float64(sim.Nanosecond) }

// cpuTable is what a crossing of the door costs; the sources are those of board.Xeon6442Y.
func cpuTable(s *board.Spec) partTable {
	t := partTable{Model: "xeon6442y", Title: "Xeon 6442Y"}
	for i := range s.CPUs {
		t.Parts = append(t.Parts, fmt.Sprintf("cpu%d", i))
	}
	c := &board.Xeon6442Y
	t.Rows = []partRow{
		row("clock", float64(c.Clock), "Hz", "instructions a second, one a cycle",
			"base clock [D]"),
		row("uncached", nanoseconds(c.Uncached), "ns", "least distance of two uncached stores",
			"Intel community m-p/1186313: 50 to 300 [S]; the middle"),
		row("combined", float64(c.Combined), "B/s", "write-combined stores",
			"NVIDIA/gdrcopy issue 288 [S]"),
		row("load", nanoseconds(c.Load), "ns", "ordered load of a cached line",
			"L1 hit, 5 cycles [R]"),
		row("relax", nanoseconds(c.Relax), "ns", "one turn of a spin loop",
			"PAUSE of 140 cycles, Intel optimisation manual [R]"),
	}
	return t
}

func driveTable(p *nvme.Profile) partTable {
	t := partTable{Model: p.Name, Title: p.Model + " (profile " + p.Name + ")"}
	n := func(key string, v int, unit, doc string) partRow {
		return row(key, float64(v), unit, doc, p.Source)
	}
	d := func(key string, v sim.Time, doc string) partRow {
		return row(key, nanoseconds(v), "ns", doc, p.Source)
	}
	t.Rows = []partRow{
		n("channels", p.Channels, "", "flash channels"),
		n("dies", p.Dies, "", "dies a channel"),
		n("planes", p.Planes, "", "planes a die"),
		n("page", p.Page, "B", "what a plane senses at once"),
		row("channel_rate", float64(p.ChannelRate), "B/s", "of a channel", p.Source),
		n("channel_chunk", p.ChannelChunk, "B", "moved before another die gets the channel"),
		d("read_4k", p.Read4K, "tR of up to 4 KiB"),
		d("read_page", p.ReadPage, "tR of a page"),
		d("cell_spread", p.CellSpread, "LSB pages faster, MSB pages slower by that"),
		d("program", p.Program, "tPROG of a page in every plane of a die"),
		d("firmware_read_4k", p.FirmwareRead4K, "added to a read of up to 4 KiB"),
		d("firmware_read", p.FirmwareRead, "added to a longer read"),
		d("firmware_write", p.FirmwareWrite, "added to a write once its data is buffered"),
		d("firmware_write_4k", p.FirmwareWrite4K, "added for each 4 KiB of a write"),
		n("write_buffer", p.WriteBuffer, "B", "write buffer"),
		n("max_transfer", p.MaxTransfer(), "B", "largest transfer of a command"),
		n("block", 1<<p.BlockShift, "B", "logical block"),
	}
	return t
}
