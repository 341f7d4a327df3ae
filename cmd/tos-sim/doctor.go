package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// witness is a tool by which TensorOS can be checked, and which nothing needs.
type witness struct {
	name, doc string
	variable  string   // environment variable that names it
	program   string   // in PATH
	version   []string // arguments that make it tell its version
	library   string   // instead of a program
	get       string
}

var witnesses = []witness{
	{name: "ptxas", doc: "NVIDIA's assembler: takes the PTX that build writes",
		variable: "TENSOROS_PTXAS", program: "ptxas", version: []string{"--version"},
		get: "Debian and Ubuntu: nvidia-cuda-toolkit (non-free); or the CUDA Toolkit 12.4; " +
			"then set TENSOROS_PTXAS=PATH or put it in PATH"},
	{name: "qemu", doc: "other people's NVMe and PCI models; guests on ours (10.1 and later)",
		variable: "TENSOROS_QEMU", program: "qemu-system-x86_64", version: []string{"--version"},
		get: "conformance/peers/qemu/get.sh DIR on a Debian; else qemu-system-x86, then set " +
			"TENSOROS_QEMU=PATH or put it in PATH"},
	{name: "tshark", doc: "dissects packets that the models put on a wire", program: "tshark",
		version: []string{"--version"},
		get:     "Debian and Ubuntu: tshark; macOS: brew install wireshark"},
	{name: "protoc", doc: "reads exported Perfetto traces by the published schema",
		program: "protoc", version: []string{"--version"},
		get: "Debian and Ubuntu: protobuf-compiler; macOS: brew install protobuf"},
	{name: "nvcc", doc: "compiles the CUDA kernels of conformance/cuda anew",
		variable: "TENSOROS_NVCC", program: "nvcc", version: []string{"--version"},
		get: "Debian and Ubuntu: nvidia-cuda-toolkit (non-free); or the CUDA Toolkit 12.4; " +
			"then set TENSOROS_NVCC=PATH or put it in PATH"},
	{name: "libcuda", doc: "the driver API of a real NVIDIA GPU", library: "libcuda.so.1",
		get: "comes with NVIDIA's driver (Debian: nvidia-driver-libs)"},
	{name: "nvidia-smi", doc: "says which GPU is here", program: "nvidia-smi",
		version: []string{"--query-gpu=name,driver_version", "--format=csv,noheader"},
		get:     "comes with NVIDIA's driver (Debian: nvidia-smi)"},
}

type witnessReport struct {
	Name    string `json:"name"`
	Doc     string `json:"doc"`
	Found   bool   `json:"found"`
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
	Note    string `json:"note,omitempty"`
	Get     string `json:"get"`
}

func doctorCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say which optional witnesses are here, and how to get the others",
		Long: "TensorOS needs none of these. Each is a second witness that tests hold it against " +
			"when it is\nhere.",
		RunE: func(*cobra.Command, []string) error { return e.doctor() },
	}
}

func (e *env) doctor() error {
	p := e.progress("doctor")
	var list []witnessReport
	for _, w := range witnesses {
		p.Update("%s", w.name)
		list = append(list, w.look())
	}
	p.Done()
	if e.json {
		return e.encode(list)
	}
	t := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
	for _, r := range list {
		state := "absent"
		if r.Found {
			state = "here"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.Name, state, r.Doc)
		for _, line := range []string{r.Note, r.detail()} {
			if line != "" {
				fmt.Fprintf(t, "\t\t  %s\n", line)
			}
		}
	}
	return t.Flush()
}

func (r *witnessReport) detail() string {
	if !r.Found {
		return "to get it: " + r.Get
	}
	return strings.TrimSpace(r.Path + "  " + r.Version)
}

func (w *witness) look() witnessReport {
	r := witnessReport{Name: w.name, Doc: w.doc, Get: w.get}
	if w.library != "" {
		r.Path = findLibrary(w.library)
		r.Found = r.Path != ""
		return r
	}
	name := w.program
	if v := os.Getenv(w.variable); w.variable != "" && v != "" {
		name = v
	}
	path, err := exec.LookPath(name)
	if err != nil {
		if name != w.program {
			r.Note = fmt.Sprintf("%s names %s, which does not run: %v", w.variable, name,
				reason(err))
		}
		return r
	}
	r.Path = path
	if r.Version, err = ask(path, w.version); err != nil {
		r.Note = fmt.Sprintf("%s does not run: %v", path, err)
		return r
	}
	r.Found = true
	return r
}

const askTimeout = 5 * time.Second

var versionLine = regexp.MustCompile(`\d+\.\d+`)

// ask runs a program for its version: the last line of its answer that holds one (NVIDIA's tools
// put it there), else the first.
func ask(path string, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).Output()
	if ctx.Err() != nil {
		return "", fmt.Errorf("no answer in %v", askTimeout)
	}
	if err != nil {
		return "", err
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if versionLine.MatchString(lines[0]) {
		return strings.TrimSpace(lines[0]), nil
	}
	for i := len(lines) - 1; i >= 0; i-- {
		if versionLine.MatchString(lines[i]) {
			return strings.TrimSpace(lines[i]), nil
		}
	}
	return strings.TrimSpace(lines[0]), nil
}

// findLibrary looks where loaders look (ld.so(8)) and where drivers put theirs.
func findLibrary(name string) string {
	if runtime.GOOS != "linux" {
		return ""
	}
	dirs := filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	for _, pattern := range []string{"/lib/*-linux-gnu", "/usr/lib/*-linux-gnu", "/lib64",
		"/usr/lib64", "/lib", "/usr/lib", "/usr/local/nvidia/lib64", "/usr/lib/wsl/lib",
		"/usr/local/cuda/compat", "/run/opengl-driver/lib"} {
		found, err := filepath.Glob(pattern)
		if err == nil {
			dirs = append(dirs, found...)
		}
	}
	for _, d := range dirs {
		path := filepath.Join(d, name)
		if _, err := os.Stat(path); d != "" && err == nil {
			return path
		}
	}
	return ""
}
