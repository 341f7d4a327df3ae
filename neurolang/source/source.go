package source

import (
	"fmt"
	"iter"
	"slices"
	"sort"
)

// Pos is a place in a Set: a byte offset plus the base of its file. The zero Pos means "nowhere".
type Pos int

// Span is the half-open range [Pos, End) of bytes.
type Span struct{ Pos, End Pos }

// IsValid tells whether the span names a place.
func (s Span) IsValid() bool { return s.Pos > 0 }

// To returns the span from the start of s to the end of t.
func (s Span) To(t Span) Span {
	if !s.IsValid() {
		return t
	}
	if !t.IsValid() || t.End < s.End {
		return s
	}
	return Span{s.Pos, t.End}
}

// Position is a place for people: 1-based line, 1-based column in bytes.
type Position struct {
	File      string
	Line, Col int
}

// String returns file:line:col.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// File is one source text. Its positions are Base .. Base+len(Src).
type File struct {
	Name  string
	Base  Pos
	Src   []byte
	lines []int // offset of the start of each line
}

// Pos returns the position of a byte offset.
func (f *File) Pos(offset int) Pos { return f.Base + Pos(offset) }

// Offset returns the byte offset of a position of this file, clamped to the file.
func (f *File) Offset(p Pos) int { return min(max(int(p-f.Base), 0), len(f.Src)) }

// Position resolves p.
func (f *File) Position(p Pos) Position {
	off := f.Offset(p)
	line := sort.SearchInts(f.lines, off+1)
	return Position{f.Name, line, off - f.lines[line-1] + 1}
}

// Line returns the text of a 1-based line without its end.
func (f *File) Line(n int) []byte {
	if n < 1 || n > len(f.lines) {
		return nil
	}
	start, end := f.lines[n-1], len(f.Src)
	if n < len(f.lines) {
		end = f.lines[n] - 1
	}
	line := f.Src[start:end]
	if len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	return line
}

// Set is a growing list of files that share one space of positions.
type Set struct{ files []*File }

// Add puts a file at the end of the set.
func (s *Set) Add(name string, src []byte) *File {
	base := Pos(1)
	if n := len(s.files); n > 0 {
		last := s.files[n-1]
		base = last.Base + Pos(len(last.Src)) + 1
	}
	f := &File{Name: name, Base: base, Src: src, lines: []int{0}}
	for i, b := range src {
		if b == '\n' {
			f.lines = append(f.lines, i+1)
		}
	}
	s.files = append(s.files, f)
	return f
}

// File returns the file that holds p, or nil.
func (s *Set) File(p Pos) *File {
	i := sort.Search(len(s.files), func(i int) bool { return s.files[i].Base > p })
	if i == 0 {
		return nil
	}
	return s.files[i-1]
}

// Position resolves p; the zero Position if p is in no file.
func (s *Set) Position(p Pos) Position {
	if f := s.File(p); f != nil {
		return f.Position(p)
	}
	return Position{}
}

// Files yields the files in the order they were added.
func (s *Set) Files() iter.Seq[*File] { return slices.Values(s.files) }

// At returns the offset of a 1-based line and column, clamped to the file.
func (f *File) At(line, col int) int {
	if line < 1 || line > len(f.lines) {
		return len(f.Src)
	}
	return min(f.lines[line-1]+max(col-1, 0), len(f.Src))
}
