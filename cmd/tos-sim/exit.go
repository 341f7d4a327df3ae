package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Exit codes.
const (
	exitOK = iota
	exitFailed
	exitUsage
	exitInput
)

var exitCodes = []struct {
	code int
	doc  string
}{
	{exitOK, "all went well"},
	{exitFailed, "the program, a check or a gate failed"},
	{exitUsage, "the command line is wrong"},
	{exitInput, "a file cannot be read or written, or is corrupt"},
}

func exitTable() string {
	var b strings.Builder
	for _, x := range exitCodes {
		fmt.Fprintf(&b, "    %d  %s\n", x.code, x.doc)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// exitError is an error with its exit code and a hint. Without err the matter has been told
// already, and only the code is left.
type exitError struct {
	code int
	err  error
	hint string
}

func (x *exitError) Error() string {
	if x.err == nil {
		return fmt.Sprintf("exit code %d", x.code)
	}
	return x.err.Error()
}

func (x *exitError) Unwrap() error { return x.err }

// failed is exit code 1, usage 2, input 3. The hint may be empty.
func failed(hint, format string, args ...any) error {
	return &exitError{exitFailed, fmt.Errorf(format, args...), hint}
}

func usage(hint, format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...), hint}
}

func input(hint, format string, args ...any) error {
	return &exitError{exitInput, fmt.Errorf(format, args...), hint}
}

// told ends with a code after diagnostics have been written.
func told(code int) error { return &exitError{code: code} }

// reason is what is wrong with a file, without the operation and the path.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
