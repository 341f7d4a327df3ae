package main

import (
	"bufio"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"tensoros/conformance"
	"tensoros/conformance/nvmedriver"
	"tensoros/hw/tap"
	"tensoros/sim/nvme"
)

const conformDriverLong = `Watch a driver at work on a drive of ours and report which rules for hosts it breaks.

The drive is served at a socket, as by tos-sim serve nvme, until its first client has left; or a tape
of such a session is looked at. Rules that the driver had no occasion to keep are skipped. Exit code
1 if a rule is broken.`

// conformDriverCommand is conform nvme-driver.
func conformDriverCommand(e *env) *cobra.Command {
	s, o, tape := &serving{}, &conforming{}, ""
	c := &cobra.Command{
		Use:   "nvme-driver (--socket PATH | --tape FILE)",
		Short: "Hold a foreign NVMe driver against its rules, on a drive that we serve to it",
		Long:  conformDriverLong,
		Example: "    tos-sim conform nvme-driver --socket nvme.sock --html linux.html\n" +
			"    tos-sim conform nvme-driver --tape boot.tape",
		RunE: func(*cobra.Command, []string) error { return e.conformDriver(s, o, tape) },
	}
	s.flags(c.Flags())
	o.flags(c.Flags())
	c.Flags().StringVar(&tape, "tape", "", "look at a tape of tos-sim serve, `FILE`")
	return c
}

func (e *env) conformDriver(s *serving, o *conforming, tape string) error {
	if (tape == "") == (s.socket == "") {
		return usage("one of them", "conform nvme-driver: --socket PATH or --tape FILE")
	}
	var w *nvmedriver.Watcher
	var name string
	var err error
	if tape != "" {
		name = tape
		w, err = watchTape(tape)
	} else {
		name = s.socket
		w = nvmedriver.New(nvme.Endpoint(nvme.Profiles[0]).Vectors)
		s.watch, s.once = w.Event, true
		err = e.serveNVMe(s)
	}
	if err != nil {
		return err
	}
	r := w.Report(name, "the driver at "+name)
	return e.writeReports("nvme-driver", o, []*conformance.Report{r})
}

func watchTape(path string) (*nvmedriver.Watcher, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, input("", "%s: %w", path, reason(err))
	}
	defer f.Close()
	t, err := tap.OpenTape(bufio.NewReader(f))
	if err != nil {
		return nil, input("it is made by tos-sim serve --record", "%s: %w", path, err)
	}
	w := nvmedriver.New(nvme.Endpoint(nvme.Profiles[0]).Vectors)
	for {
		ev, err := t.Next()
		if errors.Is(err, io.EOF) {
			return w, nil
		}
		if err != nil {
			return nil, input("", "%s: %w", path, err)
		}
		w.Event(&ev)
	}
}
