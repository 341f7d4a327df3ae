package gpu

import "fmt"

// Check holds m against the documented constraints of cuTensorMapEncodeTiled and
// cuTensorMapEncodeIm2col (CUDA Driver API, "Tensor Map Object Management").
func (m *TensorMap) Check() error {
	for _, rule := range []func() error{m.checkModes, m.checkTensor, m.checkSteps, m.checkBox,
		m.checkCorners} {
		if err := rule(); err != nil {
			return fmt.Errorf("tensor map: %w", err)
		}
	}
	return nil
}

func (m *TensorMap) checkModes() error {
	switch {
	case m.Type >= tensorTypes:
		return fmt.Errorf("unknown element type %v", m.Type)
	case m.Rank < 1 || m.Rank > 5:
		return fmt.Errorf("rank %d, want 1 to 5", m.Rank)
	case m.Interleave > Interleave32 || m.Swizzle > Swizzle128 || m.Fill > FillNaN:
		return fmt.Errorf("unknown interleave %d, swizzle %d or fill %d",
			m.Interleave, m.Swizzle, m.Fill)
	case m.Interleave != InterleaveNone && m.Rank < 3:
		return fmt.Errorf("rank %d with interleaved channels, want 3 or more", m.Rank)
	case m.Interleave == Interleave32 && m.Swizzle != Swizzle32:
		return fmt.Errorf("interleave of 32 bytes wants the swizzle of 32 bytes, not %d",
			m.Swizzle.Span())
	case m.Fill == FillNaN && m.Type.NaN() == 0:
		return fmt.Errorf("NaN fill of %v: only floating types have one", m.Type)
	}
	return nil
}

func (m *TensorMap) checkTensor() error {
	align := uint64(16)
	if m.Interleave == Interleave32 {
		align = 32
	}
	if m.Base%align != 0 {
		return fmt.Errorf("base %#x is not %d byte aligned", m.Base, align)
	}
	for i := range m.Rank {
		if m.Dims[i] == 0 || m.Dims[i] > 1<<32 {
			return fmt.Errorf("dimension %d has %d elements, want 1 to 2^32", i, m.Dims[i])
		}
	}
	for i := range m.Rank - 1 {
		if s := m.Strides[i]; s%align != 0 || s >= 1<<40 {
			return fmt.Errorf("stride %d of dimension %d, want a multiple of %d below 2^40",
				s, i+1, align)
		}
	}
	return nil
}

func (m *TensorMap) checkSteps() error {
	for i := range m.Rank {
		if s := m.ElementStrides[i]; s == 0 || s > 8 {
			return fmt.Errorf("element stride %d of dimension %d, want 1 to 8", s, i)
		}
	}
	return nil
}

func (m *TensorMap) checkBox() error {
	inner := m.Box[0]
	if m.Im2col {
		inner = m.Channels
		if m.Channels == 0 || m.Channels > 256 || m.Pixels == 0 || m.Pixels > 1024 {
			return fmt.Errorf("%d channels a pixel and %d pixels a column, want 1 to 256 and 1 to 1024",
				m.Channels, m.Pixels)
		}
	} else {
		for i := range m.Rank {
			if m.Box[i] == 0 || m.Box[i] > 256 {
				return fmt.Errorf("box of %d elements in dimension %d, want 1 to 256", m.Box[i], i)
			}
		}
	}
	bytes := int(inner) * m.Type.Size()
	if m.Interleave != InterleaveNone {
		return nil
	}
	if bytes%16 != 0 {
		return fmt.Errorf("the box is %d bytes wide, want a multiple of 16", bytes)
	}
	if span := m.Swizzle.Span(); span > 0 && bytes > span {
		return fmt.Errorf("the box is %d bytes wide, more than the swizzle's %d", bytes, span)
	}
	return nil
}

// cornerBits is the range of a corner of im2col by rank: signed integers of so many bits.
var cornerBits = [6]uint{3: 16, 4: 8, 5: 5}

func (m *TensorMap) checkCorners() error {
	if !m.Im2col {
		return nil
	}
	if m.Rank < 3 {
		return fmt.Errorf("im2col of rank %d, want 3 or more", m.Rank)
	}
	half := 1 << (cornerBits[m.Rank] - 1)
	for i := range m.Rank - 2 {
		for _, c := range [2]int16{m.Lower[i], m.Upper[i]} {
			if int(c) < -half || int(c) >= half {
				return fmt.Errorf("corner %d of dimension %d, want %d to %d", c, i+1, -half, half-1)
			}
		}
	}
	return nil
}
