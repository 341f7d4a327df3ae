package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/doc"
	"tensoros/neurolang/source"
	"tensoros/neurolang/std"
	"tensoros/neurolang/syntax"
)

func docCommand(e *env) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "doc [flags] [FILE.nl | MODULE]",
		Short: "Write the documentation of a file, or of a module of the library",
		Long: "Write what the /// comments of a file or of a module of the library (std.nn) say, as " +
			"Markdown.\nWithout an argument: which modules there are.",
		Example: "    tos-sim doc std.nn",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				for _, m := range std.Names() {
					fmt.Fprintln(e.out, m)
				}
				return nil
			}
			return e.doc(args[0], out)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "write to `FILE`, not to the standard output")
	return c
}

func (e *env) doc(name, out string) error {
	src, ok := std.Read(name)
	if !ok {
		var err error
		if src, err = e.readFile(name); err != nil {
			return err
		}
	}
	u := &unit{set: &source.Set{}}
	errs := &diag.List{}
	f, _ := syntax.Parse(u.set.Add(name, src), syntax.Items, errs)
	if u.list = errs.Sorted(); errs.Failed() {
		if err := e.show(u); err != nil {
			return err
		}
		return told(exitFailed)
	}
	title := strings.TrimSuffix(filepath.Base(name), ".nl")
	if ok {
		title = name
	}
	return e.writeTo(out, func(w io.Writer) error { return doc.Write(w, title, f) })
}
