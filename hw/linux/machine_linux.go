package linux

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"tensoros/hw"
	"tensoros/hw/host"
)

// sysfs is where the kernel lists PCI functions.
const sysfs = "/sys/bus/pci/devices"

// Machine is the functions of this computer that vfio-pci has.
type Machine struct {
	cpus      *host.Processors
	pool      *host.Pool
	ram       []byte
	container int
	groups    map[string]int // by number
	funcs     map[hw.Address]*function
	order     []hw.Address
}

// dmaBase is where functions see the memory: past what IOMMUs reserve for interrupt messages.
const dmaBase = 1 << 32

// Bind takes a function from its driver and gives it to vfio-pci, whose module must be loaded.
func Bind(a hw.Address) error {
	dev := filepath.Join(sysfs, a.String())
	if _, err := os.Stat(dev); err != nil {
		return &hw.Error{Op: "bind", Addr: a, Err: hw.ErrNotPresent}
	}
	put := func(path, text string) error { return os.WriteFile(path, []byte(text), 0) }
	if err := put(filepath.Join(dev, "driver_override"), "vfio-pci"); err != nil {
		return &hw.Error{Op: "bind", Addr: a, Err: err}
	}
	if driver(a) != "" {
		if err := put(filepath.Join(dev, "driver/unbind"), a.String()); err != nil {
			return &hw.Error{Op: "unbind", Addr: a, Err: err}
		}
	}
	err := put("/sys/bus/pci/drivers_probe", a.String())
	if err == nil && driver(a) != "vfio-pci" {
		err = errors.New("vfio-pci does not take it: is the module loaded, and the IOMMU on?")
	}
	if err != nil {
		return &hw.Error{Op: "bind", Addr: a, Err: err}
	}
	return nil
}

// driver names the driver that has a function; "" if none.
func driver(a hw.Address) string {
	link, err := os.Readlink(filepath.Join(sysfs, a.String(), "driver"))
	if err != nil {
		return ""
	}
	return filepath.Base(link)
}

// Open opens the functions, which must be bound.
func Open(o Options) (*Machine, error) {
	if o.CPUs == 0 {
		o.CPUs = 1
	}
	if o.Memory == 0 {
		o.Memory = 32 << 20
	}
	m := &Machine{cpus: host.NewProcessors(o.CPUs), container: -1, groups: map[string]int{},
		funcs: map[hw.Address]*function{}}
	err := m.open(o)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *Machine) open(o Options) (err error) {
	list := slices.Clone(o.Functions)
	if len(list) == 0 {
		if list, err = bound(); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return errors.New("linux: no function is bound to vfio-pci: call Bind")
	}
	slices.SortFunc(list, func(a, b hw.Address) int {
		if a.Less(b) {
			return -1
		}
		return 1
	})
	m.container, err = unix.Open("/dev/vfio/vfio", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("linux: /dev/vfio/vfio: %w", err)
	}
	if v, err := ioctl(m.container, getAPIVersion, 0); err != nil || v != apiVersion {
		return fmt.Errorf("linux: VFIO of version %d: %w", v, err)
	}
	for _, a := range list {
		if err := m.join(a); err != nil {
			return err
		}
	}
	if _, err := ioctl(m.container, setIOMMU, type1v2); err != nil {
		return fmt.Errorf("linux: VFIO type 1 IOMMU: %w", err)
	}
	if err := m.memory(o.Memory); err != nil {
		return err
	}
	for _, a := range list {
		f, err := m.function(a)
		if err != nil {
			return err
		}
		m.funcs[a] = f
		m.order = append(m.order, a)
	}
	return nil
}

// bound lists the functions that vfio-pci has.
func bound() (list []hw.Address, err error) {
	entries, err := os.ReadDir(sysfs)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		a, err := hw.ParseAddress(e.Name())
		if err == nil && driver(a) == "vfio-pci" {
			list = append(list, a)
		}
	}
	return list, nil
}

func group(a hw.Address) (string, error) {
	link, err := os.Readlink(filepath.Join(sysfs, a.String(), "iommu_group"))
	if err != nil {
		return "", &hw.Error{Op: "open", Addr: a,
			Detail: "it is in no IOMMU group: is the IOMMU on?",
			Err:    hw.ErrNotPresent}
	}
	return filepath.Base(link), nil
}

// join puts the group of a function into the container.
func (m *Machine) join(a hw.Address) error {
	g, err := group(a)
	if err != nil {
		return err
	}
	if _, ok := m.groups[g]; ok {
		return nil
	}
	fd, err := unix.Open("/dev/vfio/"+g, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("linux: %v: /dev/vfio/%s: %w", a, g, err)
	}
	m.groups[g] = fd
	status := []uint32{8, 0}
	if err := ioctlWords(fd, groupGetStatus, status); err != nil {
		return fmt.Errorf("linux: group %s: %w", g, err)
	}
	if status[1]&groupViable == 0 {
		return fmt.Errorf("linux: group %s is not viable: "+
			"all of its functions must be bound to vfio-pci", g)
	}
	c := []uint32{uint32(m.container)}
	if err := ioctlWords(fd, groupSetContainer, c); err != nil {
		return fmt.Errorf("linux: group %s: %w", g, err)
	}
	return nil
}

// memory maps DMA memory here and in the IOMMU.
func (m *Machine) memory(size int) (err error) {
	m.ram, err = unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	if err := mapDMA(m.container, m.ram, dmaBase); err != nil {
		return fmt.Errorf("linux: DMA memory of %d bytes: %w", size, err)
	}
	m.pool = host.NewPool(m.ram, dmaBase)
	return nil
}

// Close gives everything back. The kernel resets the functions and ends their DMA before memory
// goes.
func (m *Machine) Close() error {
	var errs []error
	for _, a := range m.order {
		errs = append(errs, m.funcs[a].close())
	}
	for _, fd := range m.groups {
		errs = append(errs, unix.Close(fd))
	}
	if m.container >= 0 {
		errs = append(errs, unix.Close(m.container))
	}
	if m.ram != nil {
		errs = append(errs, unix.Munmap(m.ram))
	}
	return errors.Join(errs...)
}

// Run waits until the bodies of all processors have returned.
func (m *Machine) Run() error { return m.cpus.Wait() }

// Live is how many regions of DMA memory are handed out.
func (m *Machine) Live() int { return m.pool.Live() }

// CPUs is the number of processors.
func (m *Machine) CPUs() int { return m.cpus.Len() }

// Start runs body on a processor, at once.
func (m *Machine) Start(cpu int, body func(hw.CPU)) { m.cpus.Start(cpu, body) }

// Functions lists the functions in bus order.
func (m *Machine) Functions() []hw.Address { return slices.Clone(m.order) }

// Open opens a function.
func (m *Machine) Open(a hw.Address) (hw.Function, error) {
	f, ok := m.funcs[a]
	if !ok {
		return nil, &hw.Error{Op: "open", Addr: a, Err: hw.ErrNotPresent}
	}
	return f, nil
}

var _ hw.Machine = (*Machine)(nil)
