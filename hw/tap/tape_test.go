package tap

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

var tapeSample = []TapeEvent{
	{At: 5, Op: TapeMap, Off: 0x1000, Size: 4096},
	{At: 5, Op: TapeWrite, Region: 7, Off: 4, Size: 2, Data: []byte{6, 0}},
	{At: 900, Op: TapeLoad, Off: 0x1040, Size: 3, Data: []byte{1, 2, 3}},
	{At: 1 << 50, Op: TapeInterrupt, Off: 3},
	{At: 1 << 50, Op: TapeRead, Region: 0, Off: 0x1c, Size: 4, Data: []byte{1, 0, 0, 0}},
}

func sampleTape(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewTape(&b, "a drive")
	for i := range tapeSample {
		w.Event(&tapeSample[i])
	}
	if err := w.Close(1<<50 + 1); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func playTape(p []byte) (device string, events []TapeEvent, err error) {
	r, err := OpenTape(bytes.NewReader(p))
	if err != nil {
		return "", nil, err
	}
	for {
		e, err := r.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return r.Device, events, err
		}
		events = append(events, e)
	}
}

func TestTapeRoundTrip(t *testing.T) {
	device, got, err := playTape(sampleTape(t))
	if err != nil || device != "a drive" || len(got) != len(tapeSample)+1 {
		t.Fatal(device, len(got), err)
	}
	for i := range tapeSample {
		if !got[i].Same(&tapeSample[i]) {
			t.Errorf("event %d: %v, recorded %v", i, &got[i], &tapeSample[i])
		}
	}
}

func TestEveryDamageOfATapeIsSeen(t *testing.T) {
	p := sampleTape(t)
	for i := range p {
		if _, _, err := playTape(p[:i]); err == nil {
			t.Errorf("cut at byte %d of %d unnoticed", i, len(p))
		}
		bad := bytes.Clone(p)
		bad[i] ^= 0x10
		if _, _, err := playTape(bad); err == nil {
			t.Errorf("byte %d flipped unnoticed", i)
		}
	}
}

func FuzzTape(f *testing.F) {
	f.Add(sampleTape(f))
	f.Fuzz(func(_ *testing.T, p []byte) { playTape(p) })
}
