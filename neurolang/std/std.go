package std

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed *.nl models/*.nl
var files embed.FS

// Read returns the text of a module: std.nn, models.llama3.
func Read(module string) ([]byte, bool) {
	name := strings.ReplaceAll(strings.TrimPrefix(module, "std."), ".", "/") + ".nl"
	if !strings.Contains(module, ".") {
		return nil, false
	}
	b, err := files.ReadFile(name)
	return b, err == nil
}

// Names lists the modules.
func Names() (out []string) {
	_ = fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(path, ".nl"); ok && err == nil && !d.IsDir() {
			name = strings.ReplaceAll(name, "/", ".")
			if !strings.Contains(name, ".") {
				name = "std." + name
			}
			out = append(out, name)
		}
		return nil
	})
	slices.Sort(out)
	return out
}
