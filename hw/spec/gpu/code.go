package gpu

import (
	"encoding/binary"
	"fmt"
)

// Code in VRAM is PTX text behind a small header: PTX is the instruction set here. A program
// address points at the header.
const (
	CodeMagic     = "TOSPTX1\x00"
	CodeHeaderLen = 16 // magic, length of the entry's name, length of the text (u32 each)
	codeLimit     = 64 << 20
)

// PackCode makes the bytes of a program: header, entry name, text.
func PackCode(entry, text string) []byte {
	p := append([]byte(nil), CodeMagic...)
	p = binary.LittleEndian.AppendUint32(p, uint32(len(entry)))
	p = binary.LittleEndian.AppendUint32(p, uint32(len(text)))
	return append(append(p, entry...), text...)
}

// CodeLen reads a header and gives the length of the whole.
func CodeLen(header []byte) (int, error) {
	if len(header) < CodeHeaderLen || string(header[:8]) != CodeMagic {
		return 0, fmt.Errorf("gpu: no program here: the header does not start with %q",
			CodeMagic[:7])
	}
	name, text := binary.LittleEndian.Uint32(header[8:]), binary.LittleEndian.Uint32(header[12:])
	if uint64(name)+uint64(text) > codeLimit {
		return 0, fmt.Errorf("gpu: a program of %d bytes; %d at most",
			uint64(name)+uint64(text), codeLimit)
	}
	return CodeHeaderLen + int(name) + int(text), nil
}

// UnpackCode splits the bytes of a program.
func UnpackCode(p []byte) (entry, text string, err error) {
	n, err := CodeLen(p)
	if err != nil {
		return "", "", err
	}
	if len(p) < n {
		return "", "", fmt.Errorf("gpu: a program of %d bytes is cut off at %d", n, len(p))
	}
	name := int(binary.LittleEndian.Uint32(p[8:]))
	return string(p[CodeHeaderLen : CodeHeaderLen+name]), string(p[CodeHeaderLen+name : n]), nil
}
