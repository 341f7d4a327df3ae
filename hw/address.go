package hw

import "fmt"

// Address names a PCI function: segment, bus, device and function number.
type Address struct {
	Segment uint16
	Bus     uint8
	Device  uint8 // 0-31
	Func    uint8 // 0-7
}

// String formats as lspci does, 0000:03:00.0.
func (a Address) String() string {
	return fmt.Sprintf("%04x:%02x:%02x.%x", a.Segment, a.Bus, a.Device, a.Func)
}

// Less orders addresses as a bus walk meets them.
func (a Address) Less(b Address) bool {
	return a.key() < b.key()
}

func (a Address) key() uint64 {
	return uint64(a.Segment)<<24 | uint64(a.Bus)<<16 | uint64(a.Device)<<8 | uint64(a.Func)
}

// ParseAddress reads SEGMENT:BUS:DEVICE.FUNCTION; the segment may be left out.
func ParseAddress(s string) (Address, error) {
	var seg, bus, dev, fn uint
	n, err := fmt.Sscanf(s, "%x:%x:%x.%x", &seg, &bus, &dev, &fn)
	if n != 4 || err != nil {
		seg = 0
		n, err = fmt.Sscanf(s, "%x:%x.%x", &bus, &dev, &fn)
		if n != 3 || err != nil {
			return Address{}, fmt.Errorf("hw: %q is not a PCI address like 0000:03:00.0", s)
		}
	}
	if seg > 0xffff || bus > 0xff || dev > 31 || fn > 7 {
		return Address{}, fmt.Errorf("hw: PCI address %q is out of range", s)
	}
	return Address{uint16(seg), uint8(bus), uint8(dev), uint8(fn)}, nil
}
