package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

type versionReport struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func versionCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which build this is",
		RunE:  func(*cobra.Command, []string) error { return e.version() },
	}
}

// thisVersion is what the Go tool has stamped into the binary.
func thisVersion() versionReport {
	r := versionReport{Version: "(devel)", Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return r
	}
	if info.Main.Version != "" {
		r.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			r.Revision = s.Value
		case "vcs.time":
			r.Time = s.Value
		case "vcs.modified":
			r.Modified = s.Value == "true"
		}
	}
	return r
}

func (e *env) version() error {
	r := thisVersion()
	if e.json {
		return e.encode(r)
	}
	fmt.Fprintf(e.out, "tos-sim %s", r.Version)
	if r.Revision != "" {
		fmt.Fprintf(e.out, " (%.12s %s)", r.Revision, r.Time)
	}
	fmt.Fprintf(e.out, ", %s, %s\n", r.Go, r.Platform)
	return nil
}
