package linux

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// peers are the witnesses: a QEMU and the folder of get.sh.
func peers(t *testing.T) (qemu, dir string) {
	t.Helper()
	qemu, dir = os.Getenv("TENSOROS_QEMU"), os.Getenv("TENSOROS_LINUX")
	if qemu == "" || dir == "" {
		t.Skip(
			"TENSOROS_QEMU and TENSOROS_LINUX name no QEMU and guest: see conformance/peers/linux/run")
	}
	return qemu, dir
}

// program builds tos-sim once.
func program(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "tos-sim")
	if out, err := exec.Command("go", "build", "-o", bin,
		"tensoros/cmd/tos-sim").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// served is a tos-sim serve under way.
type served struct {
	cmd    *exec.Cmd
	Socket string
	out    bytes.Buffer
}

// serve starts tos-sim serve nvme and waits for its socket.
func serve(t *testing.T, bin string, args ...string) *served {
	t.Helper()
	s := &served{Socket: filepath.Join(t.TempDir(), "nvme.sock")}
	s.cmd = exec.Command(bin, append([]string{"serve", "nvme", "--once", "--verbose", "--socket",
		s.Socket},
		args...)...)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	for range 100 {
		if _, err := os.Stat(s.Socket); err == nil {
			return s
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("no socket: %s", &s.out)
	return nil
}

// end waits for the server, which leaves with its client.
func (s *served) end(t *testing.T) string {
	t.Helper()
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("tos-sim serve: %v", err)
	}
	return s.out.String()
}

// boot runs a guest and judges its tests.
func boot(t *testing.T, g *Guest) map[string]Result {
	t.Helper()
	g.Initrd = filepath.Join(t.TempDir(), "initrd.gz")
	if err := WriteInitramfs(g.Initrd, g.Dir, g.Extra); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var console bytes.Buffer
	g.Console = &console
	start := time.Now()
	results, err := g.Run(ctx)
	t.Logf("kernel %s: %v", g.Kernel, time.Since(start).Round(time.Second))
	byName := map[string]Result{}
	for _, r := range results {
		byName[r.Name] = r
		t.Run(strings.ReplaceAll(r.Name, ":", "_"), func(t *testing.T) {
			if r.Code != 0 {
				t.Errorf("exit code %d\n%s", r.Code, r.Output)
			} else {
				t.Log(r.Output)
			}
		})
	}
	if err != nil || len(results) != len(g.Tests) {
		t.Errorf("%d of %d tests, %v\n%s", len(results), len(g.Tests), err, tail(console.String(),
			4000))
	}
	return byName
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// tests are those that TENSOROS_GUEST_TESTS names, or all.
func tests(all ...string) []string {
	if some := os.Getenv("TENSOROS_GUEST_TESTS"); some != "" {
		return strings.Split(some, ",")
	}
	return all
}

// TestLinuxDrives: unmodified kernels and tools work with our drive.
func TestLinuxDrives(t *testing.T) {
	qemu, dir := peers(t)
	bin := program(t)
	for _, kernel := range []string{"6.1", "6.12"} {
		t.Run(kernel, func(t *testing.T) {
			s := serve(t, bin, "--size", "1 GiB")
			boot(t, &Guest{QEMU: qemu, Dir: dir, Kernel: kernel, CPUs: 2, Devices: VFIOUser(0,
				s.Socket),
				Tests: tests("enumerate", "tools", "fio", "ext4", "reset", "namespaces")})
			t.Log(s.end(t))
		})
	}
}

// faultPlan is what TestLinuxFaults makes fail; guest/faults knows it.
const faultPlan = `
opcode=read lba=100000-100007: media-error
opcode=write queue=1 nth=40: timeout
opcode=read queue=2 nth=60: timeout
queue=1 every=900: lost-interrupt
p=0.002: delay 3ms
`

// TestLinuxFaults: an unmodified kernel survives a drive that fails by a plan, and tells of it.
func TestLinuxFaults(t *testing.T) {
	qemu, dir := peers(t)
	plan := filepath.Join(t.TempDir(), "plan")
	if err := os.WriteFile(plan, []byte(faultPlan), 0o644); err != nil {
		t.Fatal(err)
	}
	s := serve(t, program(t), "--size", "1 GiB", "--faults", plan)
	boot(t, &Guest{QEMU: qemu, Dir: dir, Kernel: "6.12", CPUs: 2, Devices: VFIOUser(0, s.Socket),
		Words: "nvme_core.io_timeout=3 nvme_core.admin_timeout=5", Tests: []string{"faults"}})
	report := s.end(t)
	t.Log(report)
	for _, effect := range []string{"media-error", "timeout", "lost-interrupt", "delay"} {
		if !strings.Contains(report, "fault "+effect+": ") {
			t.Errorf("no %s struck: the guest was not tried", effect)
		}
	}
}

// TestLinuxReplay: what a guest did at boot and in a test runs again without it, to the bit.
func TestLinuxReplay(t *testing.T) {
	qemu, dir := peers(t)
	bin, tape := program(t), filepath.Join(t.TempDir(), "boot.tape")
	s := serve(t, bin, "--size", "1 GiB", "--record", tape)
	boot(t, &Guest{QEMU: qemu, Dir: dir, Kernel: "6.12", CPUs: 2, Devices: VFIOUser(0, s.Socket),
		Tests: []string{"enumerate", "ext4"}})
	t.Log(s.end(t))
	judge(t, bin, tape)
	for range 2 {
		out, err := exec.Command(bin, "replay", tape).CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("the same, to the bit")) {
			t.Errorf("replay: %v: %s", err, out)
		}
		t.Logf("%s", out)
	}
}

// judge says which rules for drivers Linux broke on a tape: none that are musts.
func judge(t *testing.T, bin, tape string) {
	t.Helper()
	out, err := exec.Command(bin, "conform", "nvme-driver", "--tape", tape).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("the driver breaks rules: %v", err)
	}
}

// TestLinuxRate: our drive reaches half the rate of QEMU's own in the same guest.
func TestLinuxRate(t *testing.T) {
	qemu, dir := peers(t)
	s := serve(t, program(t), "--size", "1 GiB", "--pace", "free")
	disk := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(disk, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(disk, 1<<30); err != nil {
		t.Fatal(err)
	}
	g := &Guest{QEMU: qemu, Dir: dir, Kernel: "6.12", CPUs: 2, Devices: append(VFIOUser(0,
		s.Socket),
		"-drive", "file="+disk+",if=none,id=d0,format=raw", "-device", "nvme,serial=qemu,drive=d0"),
		Tests: []string{"iops:Micron:2", "iops:QEMU:2", "iops:Micron:3", "iops:QEMU:3"}}
	got := boot(t, g)
	s.end(t)
	for _, depth := range []string{"depth1", "depth32"} {
		best := func(name string) float64 { // of two runs: this machine does other things too
			return max(got[name+":2"].Values[depth], got[name+":3"].Values[depth])
		}
		ours, theirs := best("iops:Micron"), best("iops:QEMU")
		t.Logf("%s: %.0f IOPS, QEMU's own drive %.0f: ratio %.2f", depth, ours, theirs, ours/theirs)
		if !(ours >= theirs/2) {
			t.Errorf("%s: less than half of QEMU's own", depth)
		}
	}
}

// vfioModules are the modules of vfio-pci in a guest's kernel, by their path in the guest.
func vfioModules(t *testing.T, dir, kernel string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(filepath.Join(dir, kernel), func(p string, d os.DirEntry,
		err error) error {
		if err != nil || d.IsDir() || !strings.Contains(p, "vfio") && !strings.Contains(p,
			"irqbypass") {
			return err
		}
		data, err := os.ReadFile(p)
		out["modules/"+filepath.Base(p)] = data
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("no modules of vfio: %v", err)
	}
	return out
}

// guestPrograms are built without the C library and go into the guest.
var guestPrograms = map[string]string{"door.test": "tensoros/hw/linux",
	"drive.test": "tensoros/kernel/drv/nvme", "tos-sim": "tensoros/cmd/tos-sim"}

// TestLinuxVFIO: in a guest, our binary is the only driver of QEMU's drive behind QEMU's IOMMU.
func TestLinuxVFIO(t *testing.T) {
	qemu, dir := peers(t)
	const kernel = "6.12"
	extra := vfioModules(t, dir, kernel)
	for name, args := range map[string][]string{"door.test": {"test", "-c"},
		"drive.test": {"test", "-c"}, "tos-sim": {"build"}} {
		bin := filepath.Join(t.TempDir(), name)
		cmd := exec.Command("go", append(args, "-tags", "nocuda", "-o", bin,
			guestPrograms[name])...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		data, err := os.ReadFile(bin)
		if err != nil {
			t.Fatal(err)
		}
		extra["bin/"+name] = data
	}
	disk := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(disk, make([]byte, 8<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	boot(t, &Guest{QEMU: qemu, Dir: dir, Kernel: kernel, CPUs: 2, Extra: extra, IOMMU: true,
		Devices: []string{"-drive", "file=" + disk + ",if=none,id=d0,format=raw", "-device",
			"nvme,serial=qemu,drive=d0"}, Tests: []string{"vfio"}})
}
