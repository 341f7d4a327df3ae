package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"tensoros/neurolang/format"
)

func fmtCommand(e *env) *cobra.Command {
	var check bool
	c := &cobra.Command{
		Use:   "fmt [flags] [FILE.nl...]",
		Short: "Lay source text out",
		Long: "Lay Neuro-Lang files out, in place; without files, from the standard input to the " +
			"standard output.\nThere are no options of style. Files with faults of syntax stay as they are.",
		Example: "    tos-sim fmt examples/*.nl",
		Args:    cobra.ArbitraryArgs,
		RunE:    func(_ *cobra.Command, args []string) error { return e.fmt(args, check) },
	}
	c.Flags().BoolVar(&check, "check", false, "write nothing; name the files that would change, "+
		"and exit with 1 if there are any")
	return c
}

func (e *env) fmt(paths []string, check bool) error {
	if len(paths) == 0 {
		src, err := io.ReadAll(e.in)
		if err != nil {
			return err
		}
		out, err := e.formatted("standard input", src)
		if err == nil {
			_, err = e.out.Write(out)
		}
		return err
	}
	bad, changed := false, 0
	for _, path := range paths {
		src, err := e.readFile(path)
		if err != nil {
			return err
		}
		out, err := e.formatted(path, src)
		if err != nil {
			bad = true
			continue
		}
		if bytes.Equal(src, out) {
			continue
		}
		changed++
		fmt.Fprintln(e.out, path)
		if check {
			continue
		}
		if err := os.WriteFile(path, out, 0o666); err != nil {
			return err
		}
	}
	if bad || check && changed > 0 {
		return told(exitFailed)
	}
	return nil
}

// formatted lays a text out, or shows why it cannot.
func (e *env) formatted(name string, src []byte) ([]byte, error) {
	out, set, ds := format.Source(name, src)
	if out == nil {
		if err := e.show(&unit{set: set, list: ds}); err != nil {
			return nil, err
		}
		return nil, told(exitFailed)
	}
	return out, nil
}
