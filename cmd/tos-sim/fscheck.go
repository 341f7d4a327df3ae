package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tensoros/kernel/tensorfs"
)

// checkReport is what fsck and scrub found.
type checkReport struct {
	UUID       string       `json:"uuid"`
	Generation uint64       `json:"generation"`
	Clean      bool         `json:"clean"`
	Problems   []problemRow `json:"problems"`
	Objects    int          `json:"object_versions"`
	Snapshots  int          `json:"snapshots"`
	Metadata   uint64       `json:"metadata_bytes"`
	Data       uint64       `json:"data_bytes"`
	Unsummed   uint64       `json:"unsummed_bytes"`
	Blind      uint64       `json:"blind_bytes"` // their checksums are damaged
	Slack      uint64       `json:"slack_bytes"`
	Free       uint64       `json:"free_bytes"`
}

type problemRow struct {
	Where      string `json:"where"`
	What       string `json:"what"`
	Repairable bool   `json:"repairable"`
}

func fsFsck(f *fsEnv) *cobra.Command {
	return &cobra.Command{
		Use:   "fsck",
		Short: "Read all that is in use and report every problem; changes nothing",
		Long: "Read all that is in use, hold it against its checksums, and report every problem with " +
			"its\nplace. Nothing is changed. What a power cut may leave is called repairable: the next " +
			"mount\nfor writing mends it. Exit code 3 if anything is wrong.",
		RunE: func(*cobra.Command, []string) error {
			devs, done, err := f.devices(false)
			if err != nil {
				return err
			}
			defer done()
			p := f.progress("fsck")
			r, err := tensorfs.Check(func(n, of uint64) { p.Update("%s", bar(n, of)) }, devs...)
			p.Done()
			if err != nil {
				return input("", "%s: %w", strings.Join(f.images, ", "), err)
			}
			return f.checked(r)
		},
	}
}

func fsScrub(f *fsEnv) *cobra.Command {
	var sum bool
	c := &cobra.Command{
		Use:   "scrub [flags]",
		Short: "Mount, and hold all that is committed against its checksums",
		Long: "Mount, which repairs what a power cut left, and hold all that is committed against its\n" +
			"checksums. With --sum, objects that a GPU wrote by DMA get theirs.",
		RunE: func(*cobra.Command, []string) error {
			var r *tensorfs.Report
			err := f.volume(true, func(v *tensorfs.Volume) (err error) {
				if sum {
					if err := sumAll(v); err != nil {
						return err
					}
				}
				p := f.progress("scrub")
				defer p.Done()
				r, err = v.Verify(func(n, of uint64) { p.Update("%s", bar(n, of)) })
				return err
			})
			if err != nil {
				return err
			}
			return f.checked(r)
		},
	}
	c.Flags().BoolVar(&sum, "sum", false, "compute the checksums of objects that have none")
	return c
}

// sumAll gives every object of the present state its checksums.
func sumAll(v *tensorfs.Volume) error {
	for _, o := range v.Objects() {
		if err := v.Sum(o.Name); err != nil {
			return err
		}
	}
	return v.Commit()
}

// checked shows a report and turns problems into an exit code.
func (f *fsEnv) checked(r *tensorfs.Report) error {
	c := r.Counts
	out := checkReport{r.UUID.String(), r.Generation, r.Clean(), []problemRow{}, c.Objects,
		c.Snapshots, c.Metadata, c.Data, c.Unsummed, c.Blind, r.Slack, r.Usage.Free}
	for _, p := range r.Problems {
		out.Problems = append(out.Problems, problemRow(p))
	}
	if f.json {
		if err := f.encode(out); err != nil {
			return err
		}
	} else {
		f.checkedText(&out)
	}
	if !out.Clean {
		return told(exitInput)
	}
	return nil
}

func (f *fsEnv) checkedText(r *checkReport) {
	for _, p := range r.Problems {
		note := ""
		if p.Repairable {
			note = " (repairable: mount for writing)"
		}
		fmt.Fprintf(f.out, "%s: %s%s\n", p.Where, p.What, note)
	}
	fmt.Fprintf(f.out, "%s and %s at generation %d: %s of metadata, %s of data\n",
		count(r.Objects, "object version"), count(r.Snapshots, "snapshot"), r.Generation,
		bytesText(r.Metadata), bytesText(r.Data))
	if r.Unsummed > 0 {
		fmt.Fprintf(f.out, "%s of the data have no checksums (tos-sim fs scrub --sum)\n",
			bytesText(r.Unsummed))
	}
	if r.Blind > 0 {
		fmt.Fprintf(f.out, "%s of the data have damaged checksums\n", bytesText(r.Blind))
	}
	fmt.Fprintf(f.out, "not covered: %s of slack in pages, %s free\n", bytesText(r.Slack),
		bytesText(r.Free))
	if r.Clean {
		fmt.Fprintln(f.out, "clean")
	} else {
		fmt.Fprintln(f.out, count(len(r.Problems), "problem"))
	}
}
