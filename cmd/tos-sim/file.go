package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
)

// readFile reads a file; "-" is the standard input.
func (e *env) readFile(path string) ([]byte, error) {
	if path == "-" {
		data, err := io.ReadAll(e.in)
		if err != nil {
			return nil, input("", "cannot read the standard input: %w", err)
		}
		return data, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, input(elsewhere(path), "cannot read %s: %w", path, reason(err))
	}
	return data, nil
}

// elsewhere names a file of the same folder that looks much like a missing one.
func elsewhere(path string) string {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return "no such folder"
	}
	var have []string
	for _, x := range entries {
		have = append(have, x.Name())
	}
	if s := nearest(filepath.Base(path), have); s != "" {
		return "did you mean " + filepath.Join(filepath.Dir(path), s) + "?"
	}
	return ""
}

// writeTo gives write the file of a -o flag, or the standard output if there is none.
func (e *env) writeTo(path string, write func(io.Writer) error) error {
	if path == "" || path == "-" {
		return write(e.out)
	}
	f, err := os.Create(path)
	if err != nil {
		return input("", "cannot write %s: %w", path, reason(err))
	}
	err = write(f)
	if closed := f.Close(); err == nil && closed != nil {
		err = input("", "cannot write %s: %w", path, reason(closed))
	}
	return err
}

// encode writes a report as JSON.
func (e *env) encode(v any) error {
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
