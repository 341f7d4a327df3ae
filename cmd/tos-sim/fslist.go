package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tensoros/kernel/tensorfs"
)

// objectRow is an object in a report.
type objectRow struct {
	Name     string            `json:"name"`
	Elem     string            `json:"dtype"`
	Shape    []int             `json:"shape"`
	Layout   string            `json:"layout"`
	Bytes    uint64            `json:"bytes"`
	Born     uint64            `json:"generation"`
	Open     bool              `json:"open,omitempty"`
	Unsummed bool              `json:"unsummed,omitempty"`
	Attrs    map[string]string `json:"attributes,omitempty"`
}

func rowOf(o *tensorfs.Object) objectRow {
	r := objectRow{o.Name, o.Elem, append([]int{}, o.Shape...), "RowMajor", o.Len, o.Born, o.Open,
		o.Unsummed, nil}
	if o.ColMajor {
		r.Layout = "ColMajor"
	}
	for _, a := range o.Attrs {
		if r.Attrs == nil {
			r.Attrs = map[string]string{}
		}
		r.Attrs[a.Key] = a.Value
	}
	return r
}

// state is what is unusual about an object, for people.
func (r *objectRow) state() string {
	switch {
	case r.Unsummed:
		return "no checksums"
	case r.Open:
		return "open"
	}
	return ""
}

func fsLs(f *fsEnv) *cobra.Command {
	var snap string
	c := &cobra.Command{
		Use:   "ls [flags]",
		Short: "List the objects",
		RunE: func(*cobra.Command, []string) error {
			return f.volume(false, func(v *tensorfs.Volume) error {
				list := v.Objects()
				if snap != "" {
					var err error
					if list, err = v.ObjectsOf(snap); err != nil {
						return err
					}
				}
				return f.list(list)
			})
		},
	}
	c.Flags().StringVar(&snap, "snapshot", "", "those of the snapshot `NAME`")
	return c
}

func (f *fsEnv) list(list []tensorfs.Object) error {
	rows := []objectRow{}
	for i := range list {
		rows = append(rows, rowOf(&list[i]))
	}
	if f.json {
		return f.encode(rows)
	}
	t := tabwriter.NewWriter(f.out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%v\t%s\t%s\n", r.Name, r.Elem, r.Shape, bytesText(r.Bytes),
			r.state())
	}
	return t.Flush()
}

// volumeRow is a volume in a report.
type volumeRow struct {
	UUID       string `json:"uuid"`
	Drives     int    `json:"drives"`
	Page       int    `json:"page_bytes"`
	Stripe     int    `json:"stripe_bytes"`
	Size       uint64 `json:"size_bytes"`
	Used       uint64 `json:"used_bytes"`
	Free       uint64 `json:"free_bytes"`
	Objects    int    `json:"objects"`
	Snapshots  int    `json:"snapshots"`
	Generation uint64 `json:"generation"`
}

func (f *fsEnv) showVolume(v *tensorfs.Volume) error {
	u := v.Usage()
	r := volumeRow{v.UUID.String(), v.Members, v.Page, v.Stripe, u.Size, u.Used, u.Free,
		len(v.Names()), len(v.Snapshots()), v.Generation()}
	if f.json {
		return f.encode(r)
	}
	fmt.Fprintf(f.out, "volume %s: %s, %s, stripes of %s, pages of %s\n", r.UUID,
		count(r.Drives, "drive"), bytesText(r.Size), bytesText(uint64(r.Stripe)),
		bytesText(uint64(r.Page)))
	_, err := fmt.Fprintf(f.out, "%s and %s at generation %d; %s used, %s free\n",
		count(r.Objects, "object"), count(r.Snapshots, "snapshot"), r.Generation, bytesText(r.Used),
		bytesText(r.Free))
	return err
}

func fsStat(f *fsEnv) *cobra.Command {
	return &cobra.Command{
		Use:   "stat [NAME]",
		Short: "Show the volume, or an object with its versions and where it lies",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return f.volume(false, func(v *tensorfs.Volume) error {
				if len(args) == 0 {
					return f.showVolume(v)
				}
				return f.showObject(v, args[0])
			})
		},
	}
}

// objectReport is an object with all that is known of it.
type objectReport struct {
	objectRow
	Versions []versionRow   `json:"versions"`
	Runs     []tensorfs.Run `json:"runs"`
}

type versionRow struct {
	Snapshot string `json:"snapshot,omitempty"`
	Born     uint64 `json:"generation"`
	Bytes    uint64 `json:"bytes"`
}

// shownRuns is how many runs a person wants to see; JSON has all.
const shownRuns = 8

func (f *fsEnv) showObject(v *tensorfs.Volume, name string) error {
	o, err := find(v, "", name)
	if err != nil {
		return err
	}
	r := objectReport{objectRow: rowOf(&o)}
	for _, x := range v.Versions(name) {
		r.Versions = append(r.Versions, versionRow{x.Snapshot, x.Born, x.Len})
	}
	if r.Runs, err = v.Runs(o, 0, o.Len); err != nil {
		return err
	}
	if f.json {
		return f.encode(r)
	}
	fmt.Fprintf(f.out, "%s: %s %v %s, %d bytes, generation %d\n", r.Name, r.Elem, r.Shape, r.Layout,
		r.Bytes, r.Born)
	if s := r.state(); s != "" {
		fmt.Fprintf(f.out, "  %s\n", s)
	}
	for _, a := range o.Attrs {
		fmt.Fprintf(f.out, "  %s = %s\n", a.Key, a.Value)
	}
	for _, x := range r.Versions {
		if x.Snapshot != "" {
			fmt.Fprintf(f.out, "  snapshot %s has generation %d, %d bytes\n", x.Snapshot, x.Born,
				x.Bytes)
		}
	}
	for i, x := range r.Runs {
		if i == shownRuns {
			fmt.Fprintf(f.out, "  and %d runs more\n", len(r.Runs)-i)
			break
		}
		fmt.Fprintf(f.out, "  drive %d at %#x, %d bytes\n", x.Drive, x.Off, x.Len)
	}
	return nil
}

func fsRm(f *fsEnv) *cobra.Command {
	return &cobra.Command{
		Use:   "rm NAME...",
		Short: "Remove objects; snapshots keep theirs",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return f.volume(true, func(v *tensorfs.Volume) error {
				for _, name := range args {
					if _, err := find(v, "", name); err != nil {
						return err
					}
					if err := v.Remove(name); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func fsSeal(f *fsEnv) *cobra.Command {
	return &cobra.Command{
		Use:   "seal NAME...",
		Short: "Make open objects immutable",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return f.volume(true, func(v *tensorfs.Volume) error {
				for _, name := range args {
					if err := v.Seal(name); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func fsSnapshot(f *fsEnv) *cobra.Command {
	c := &cobra.Command{Use: "snapshot", Short: "Name, list, restore and remove versions of a volume"}
	one := func(use, short string, do func(v *tensorfs.Volume, name string) error) *cobra.Command {
		return &cobra.Command{Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error {
				return f.volume(true, func(v *tensorfs.Volume) error { return do(v, args[0]) })
			}}
	}
	c.AddCommand(
		one("create", "Name the present state", (*tensorfs.Volume).Snapshot),
		&cobra.Command{Use: "ls", Short: "List the snapshots",
			RunE: func(*cobra.Command, []string) error { return f.volume(false, f.snapshots) }},
		one("restore", "Make the objects what they were", (*tensorfs.Volume).Restore),
		one("rm", "Forget a snapshot and free what only it had", (*tensorfs.Volume).RemoveSnapshot))
	return c
}

type snapshotRow struct {
	Name    string `json:"name"`
	Born    uint64 `json:"generation"`
	Objects uint64 `json:"objects"`
}

func (f *fsEnv) snapshots(v *tensorfs.Volume) error {
	rows := []snapshotRow{}
	for _, s := range v.Snapshots() {
		rows = append(rows, snapshotRow(s))
	}
	if f.json {
		return f.encode(rows)
	}
	t := tabwriter.NewWriter(f.out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(t, "%s\tgeneration %d\t%s\n", r.Name, r.Born, count(int(r.Objects), "object"))
	}
	return t.Flush()
}
