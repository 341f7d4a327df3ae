package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tensoros/sim/board"
)

func machineCommand(e *env) *cobra.Command {
	c := &cobra.Command{Use: "machine", Short: "List and describe machines"}
	c.AddCommand(&cobra.Command{
		Use:   "list",
		Short: "List the machines that come with the program",
		RunE:  func(*cobra.Command, []string) error { return e.machineList() },
	}, &cobra.Command{
		Use:   "describe [NAME|FILE.toml]",
		Short: "Show a machine: PCI Express tree, chips and drives, each number with its source",
		Long: "Show a machine as it would boot, --set included: PCI Express tree, the table of " +
			"each chip\nand drive with values, units and sources. Without an argument: the " +
			"machine of --board.",
		Example: "    tos-sim machine describe h200\n" +
			"    tos-sim machine describe --set gpu.sm.count=66 --json",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return e.machineDescribe(args) },
	})
	return c
}

type machineRow struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	CPUs   int    `json:"cpus"`
	Memory string `json:"memory"`
	GPUs   string `json:"gpus"`
	Drives string `json:"drives"`
}

func (e *env) machineList() error {
	var rows []machineRow
	for _, name := range board.Names() {
		s, err := board.Preset(name)
		if err != nil {
			return err
		}
		var gpus, drives []string
		for _, g := range s.GPUs {
			gpus = append(gpus, g.Chip)
		}
		for _, d := range s.Drives {
			drives = append(drives, d.Profile)
		}
		rows = append(rows, machineRow{name, s.Title, s.CPUs, string(s.Memory), tally(gpus),
			tally(drives)})
	}
	if e.json {
		return e.encode(rows)
	}
	t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tTITLE\tCPUS\tMEMORY\tGPUS\tDRIVES")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\n", r.Name, r.Title, r.CPUs, r.Memory, r.GPUs,
			r.Drives)
	}
	return t.Flush()
}

// tally is "2 x h100, a100" of h100, h100, a100.
func tally(list []string) string {
	var out []string
	for i := 0; i < len(list); {
		n := 1
		for i+n < len(list) && list[i+n] == list[i] {
			n++
		}
		if n > 1 {
			out = append(out, fmt.Sprintf("%d x %s", n, list[i]))
		} else {
			out = append(out, list[i])
		}
		i += n
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

func (e *env) machineDescribe(args []string) error {
	if len(args) == 1 {
		e.board = args[0]
	}
	s, err := e.spec()
	if err != nil {
		return err
	}
	m, err := describe(&s)
	if err != nil {
		return err
	}
	if e.json {
		return e.encode(m)
	}
	return m.write(e.out)
}

func (m *machineReport) write(w io.Writer) error {
	fmt.Fprintf(w, "%s: %s\n", m.Name, m.Title)
	fmt.Fprintf(w, "%s, %s of memory, PCI Express Gen%d slots\n\n", count(m.CPUs, "CPU"), m.Memory,
		m.Slots)
	fmt.Fprintln(w, m.PCI.Name)
	m.PCI.tree(w, "")
	for _, t := range m.Tables {
		fmt.Fprintf(w, "\n%s\n", t.heading())
		if err := t.write(w); err != nil {
			return err
		}
	}
	return nil
}

func (n *pciNode) tree(w io.Writer, indent string) {
	for i, c := range n.Below {
		branch, further := "├─ ", "│  "
		if i == len(n.Below)-1 {
			branch, further = "└─ ", "   "
		}
		fmt.Fprintf(w, "%s%s%-6s Gen%d x%-2d %6.2f GB/s  %s\n", indent, branch, c.Name, c.Link.Gen,
			c.Link.Lanes, c.Link.Rate/1e9, c.Title)
		c.tree(w, indent+further)
	}
}

func (t *partTable) heading() string {
	who := t.Parts[0]
	if n := len(t.Parts); n > 1 {
		who += " to " + t.Parts[n-1]
		if !consecutive(t.Parts) {
			who = strings.Join(t.Parts, ", ")
		}
	}
	return who + ": " + t.Title
}

func consecutive(parts []string) bool {
	first := -1
	for i, p := range parts {
		n, err := strconv.Atoi(strings.TrimLeft(p, "abcdefghijklmnopqrstuvwxyz"))
		if err != nil {
			return false
		}
		if i == 0 {
			first = n
		}
		if n != first+i {
			return false
		}
	}
	return true
}

func (t *partTable) write(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range t.Rows {
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%s\t%s\n", r.Key, r.Text, r.Unit, r.Doc, r.Source)
	}
	return tw.Flush()
}
