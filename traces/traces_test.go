package traces

import (
	"bytes"
	"strings"
	"testing"
)

func sample() *Recorder {
	r := NewRecorder()
	cpu, link := r.Track("board0/cpu0"), r.Track("board0/pcie/rp0")
	r.Span(KernelBoot, cpu, 0, 5000, nil, r.Text("enumerate"))
	r.Span(PCIeWrite, link, 1000, 1800, &Waits{Link: 100, Credit: 200}, 0xfee00000, 64, 88)
	r.Mark(CPUInterrupt, cpu, 900, 3)
	r.Level(GPUTensor, link, 2000, 512)
	return r
}

func TestDecodeGivesBackWhatWasRecorded(t *testing.T) {
	tr, err := Decode(sample().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tr.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `0+5000 board0/cpu0 kernel/boot stage="enumerate"
1000+800 board0/pcie/rp0 pcie/mwr address=0xfee00000 size=64 wire=88 credit:200 link:100
900 board0/cpu0 cpu/interrupt vector=3
2000 board0/pcie/rp0 gpu/tensor busy=512
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	if w := tr.Records[1].Waits; w[Work] != 500 {
		t.Errorf("work %v, want the remainder 500", w[Work])
	}
}

func TestEveryTruncationIsAnError(t *testing.T) {
	whole := sample().Bytes()
	for n := range whole {
		if _, err := Decode(whole[:n]); err == nil {
			t.Fatalf("a trace cut at %d of %d bytes decodes", n, len(whole))
		}
	}
}

func TestEveryFlippedByteIsAnError(t *testing.T) {
	whole := sample().Bytes()
	for i := range whole {
		bad := bytes.Clone(whole)
		bad[i] ^= 0x11
		if _, err := Decode(bad); err == nil {
			t.Fatalf("byte %d flipped unnoticed", i)
		}
	}
}

func TestKindsAreDescribedAndDistinct(t *testing.T) {
	seen := map[string]bool{}
	for k, p := range points {
		if p.Name == "" || p.Doc == "" || seen[p.Name] {
			t.Errorf("kind %d (%q) has no name or sentence, or is there twice", k, p.Name)
		}
		seen[p.Name] = true
		if p.Shape == Level && len(p.Args) != 1 {
			t.Errorf("level %s must have one argument", p.Name)
		}
	}
}

func TestMisuseIsCaught(t *testing.T) {
	cases := map[string]func(r *Recorder, tr Track){
		"backwards": func(r *Recorder, tr Track) { r.Span(CPUIdle, tr, 10, 5, nil) },
		"overfull":  func(r *Recorder, tr Track) { r.Span(CPUIdle, tr, 0, 5, &Waits{Bank: 6}) },
		"arguments": func(r *Recorder, tr Track) { r.Span(CPUIdle, tr, 0, 5, nil, 1) },
		"shape":     func(r *Recorder, tr Track) { r.Mark(CPUIdle, tr, 0) },
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if v := recover(); v == nil || !strings.HasPrefix(v.(string), "traces: ") {
					t.Fatalf("recovered %v", v)
				}
			}()
			r := NewRecorder()
			f(r, r.Track("x"))
		})
	}
}

func TestNilRecorderCostsNoAllocation(t *testing.T) {
	var r *Recorder
	n := testing.AllocsPerRun(100, func() {
		r.Span(PCIeWrite, r.Track("x"), 0, 1, nil, 1, 2, 3)
		r.Mark(CPUInterrupt, 0, 0, 1)
	})
	if n != 0 || r.Records() != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sample().Bytes())
	f.Add([]byte(magic))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if tr, err := Decode(data); err == nil {
			tr.WriteText(&bytes.Buffer{})
		}
	})
}

func BenchmarkSpan(b *testing.B) {
	r := NewRecorder()
	tr := r.Track("x")
	w := &Waits{Link: 5}
	b.ReportAllocs()
	for i := range b.N {
		if len(r.buf) > 1<<26 {
			r.buf = r.buf[:0]
		}
		r.Span(PCIeWrite, tr, Time(i), Time(i+100), w, 0xfee00000, 256, 280)
	}
}
