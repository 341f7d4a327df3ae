package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"tensoros/sim/board"
	"tensoros/sim/nvme"
)

func driveCommand(e *env) *cobra.Command {
	size := "1 GiB"
	c := &cobra.Command{
		Use:   "drive FILE",
		Short: "Make a drive image with the objects a and b, for --drive",
		Args:  cobra.ExactArgs(1),
		RunE:  func(_ *cobra.Command, args []string) error { return e.makeDrive(args[0], size) },
	}
	c.Flags().StringVar(&size, "size", size, "capacity of the drive, a `SIZE` such as \"1 GiB\"; "+
		"the file is sparse")
	return c
}

// makeDrive writes a new image. It never replaces a file.
func (e *env) makeDrive(path, size string) error {
	n := board.Size(size).Bytes()
	if n == 0 {
		return usage("as in --size \"1 GiB\"", "--size %q: write a whole number and a unit", size)
	}
	if _, err := os.Lstat(path); err == nil {
		return input("give the name of a new file", "%s exists", path)
	}
	f, err := nvme.OpenFile(path, n)
	if err != nil {
		return input("", "%w", reason(err))
	}
	err = e.seedVolume(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return failed("", "%s: %w", path, err)
	}
	_, err = fmt.Fprintf(e.out, "%s: a drive of %s with objects a and b; use it with --drive %s\n",
		path, size, path)
	return err
}
