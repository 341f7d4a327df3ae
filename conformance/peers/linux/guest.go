package linux

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Guest is a Linux virtual machine.
type Guest struct {
	QEMU   string // program
	Dir    string // of get.sh
	Kernel string // 6.1 or 6.12
	Initrd string // file, of Initramfs
	CPUs   int
	// Words are more of the kernel's command line.
	Words string
	// IOMMU puts one before the devices.
	IOMMU bool
	// Extra are files for the guest, by path.
	Extra map[string][]byte
	// Devices are further arguments of QEMU.
	Devices []string
	// Tests are scripts of guest/, in order, each with words for it after a colon.
	Tests []string
	// Console gets what the guest writes; may be nil.
	Console io.Writer
}

// Result is what a test in the guest said.
type Result struct {
	Name   string
	Code   int // exit code
	Output string
	Values map[string]float64 // lines "=NAME VALUE"
}

// VFIOUser is the arguments of a device at a vfio-user socket, behind root port n: straight on the
// root complex QEMU would hide its link.
func VFIOUser(n int, socket string) []string {
	dev, err := json.Marshal(map[string]any{"driver": "vfio-user-pci", "bus": fmt.Sprintf("rp%d",
		n),
		"socket": map[string]string{"path": socket, "type": "unix"}})
	if err != nil {
		panic("linux: " + err.Error()) // strings always encode
	}
	return []string{"-device", fmt.Sprintf("pcie-root-port,id=rp%d,chassis=%d,slot=%d", n, n+1,
		n+1),
		"-device", string(dev)}
}

// memory of a guest, MiB.
const memory = "512"

// Run boots the guest, runs its tests and returns their results in order. It fails when the guest
// does not come to its end.
func (g *Guest) Run(ctx context.Context) ([]Result, error) {
	args := []string{"-machine", "q35,memory-backend=mem", "-accel", "tcg,thread=multi",
		"-cpu", "max", "-smp", strconv.Itoa(max(g.CPUs, 1)), "-m", memory,
		"-object", "memory-backend-memfd,id=mem,size=" + memory + "M,share=on",
		"-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio",
		"-kernel", filepath.Join(g.Dir, g.Kernel, "vmlinuz"), "-initrd", g.Initrd}
	words := "console=ttyS0 loglevel=4 panic=-1 tos=" + strings.Join(g.Tests, ",")
	if g.IOMMU {
		args = append(args, "-device", "intel-iommu,intremap=on,caching-mode=on")
		args[1] += ",kernel-irqchip=split"
		words = "intel_iommu=on " + words
	}
	args = append(args, "-append", strings.TrimSpace(g.Words+" "+words))
	cmd := exec.CommandContext(ctx, g.QEMU, append(args, g.Devices...)...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	results, whole, err := parse(out, g.Console)
	_, _ = io.Copy(io.Discard, out)
	if wait := cmd.Wait(); wait != nil && !whole {
		err = errors.Join(err, wait)
	}
	if !whole {
		err = errors.Join(err, errors.New("the guest did not come to its end"))
	}
	if err != nil && complaints.Len() > 0 {
		err = fmt.Errorf("%w; QEMU says: %s", err, strings.TrimSpace(complaints.String()))
	}
	return results, err
}

// parse reads the console: "#begin NAME", output, "#end NAME CODE" for each test, "#bye" at the
// end.
func parse(r io.Reader, copyTo io.Writer) (list []Result, whole bool, err error) {
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	var cur *Result
	for sc.Scan() {
		line := strings.TrimRight(sc.Text(), "\r")
		if copyTo != nil {
			fmt.Fprintln(copyTo, line)
		}
		words := strings.Fields(line)
		switch {
		case line == "#bye":
			return list, true, nil
		case len(words) == 2 && words[0] == "#begin":
			list = append(list, Result{Name: words[1], Code: -1, Values: map[string]float64{}})
			cur = &list[len(list)-1]
		case len(words) == 3 && words[0] == "#end" && cur != nil:
			if cur.Code, err = strconv.Atoi(words[2]); err != nil {
				return list, false, err
			}
			cur = nil
		case cur != nil:
			cur.Output += line + "\n"
			if name, v, ok := strings.Cut(line, " "); ok && strings.HasPrefix(line, "=") {
				if f, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
					cur.Values[name[1:]] = f
				}
			}
		}
	}
	return list, false, sc.Err()
}

// WriteInitramfs is Initramfs into a file.
func WriteInitramfs(file, dir string, extra map[string][]byte) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(Initramfs(f, dir, extra), f.Close())
}
