package vm

import (
	"errors"
	"fmt"
	"strings"

	"tensoros/neurolang/diag"
	"tensoros/neurolang/program"
	"tensoros/neurolang/source"
)

// Frame is a call that was running: the function, and where in it.
type Frame struct {
	Func string
	Pos  source.Position
}

// Error is an error of a running program.
type Error struct {
	Code  diag.Code
	Span  source.Span
	Pos   source.Position
	Msg   string
	Help  string
	Stack []Frame // the innermost first
	Err   error   // what the runtime returned, if it did
}

// Error returns position, code, message and help.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s: %s", e.Pos, e.Code, e.Msg)
	if e.Help != "" {
		s += "; " + e.Help
	}
	return s
}

// Unwrap returns the runtime's error.
func (e *Error) Unwrap() error { return e.Err }

// maxFrames bounds the calls that a diagnostic names.
const maxFrames = 8

// Diagnostic returns the error in the form that diag.Render takes, with the calls as notes.
func (e *Error) Diagnostic() diag.Diagnostic {
	d := diag.Diagnostic{Code: e.Code, Message: e.Msg, Primary: diag.Label{Span: e.Span},
		Help: e.Help}
	for i, f := range e.Stack {
		switch {
		case i == 0 && len(e.Stack) == 1:
		case i < maxFrames:
			d.Notes = append(d.Notes, fmt.Sprintf("in %s at %s", f.Func, f.Pos))
		case i == maxFrames:
			d.Notes = append(d.Notes, fmt.Sprintf("and %d calls more", len(e.Stack)-i))
		}
	}
	return d
}

// fault is an error before it knows its place.
type fault struct {
	code diag.Code
	msg  string
	help string
	err  error
}

func (f *fault) Error() string { return f.msg }

func faultf(c diag.Code, format string, a ...any) *fault {
	return &fault{code: c, msg: fmt.Sprintf(format, a...)}
}

func (f *fault) hint(format string, a ...any) *fault {
	f.help = fmt.Sprintf(format, a...)
	return f
}

// failed wraps what a runtime returned.
func failed(err error, format string, a ...any) error {
	return &fault{code: diag.DeviceFailed, msg: fmt.Sprintf(format, a...) + ": " + err.Error(),
		err: err}
}

func badFormat(spec string) error {
	return faultf(diag.BuiltinFailed, "%q is no format", spec).
		hint("write .N for digits, Ne for an exponent, a number for the width")
}

// badCode is bytecode that uses a value as what it is not: no compiler of ours makes it.
func badCode(op program.Op, what string) error {
	return faultf(diag.BadCode, "the bytecode is damaged: %s on %s", op, what)
}

// place makes an *Error of whatever an instruction returned, or adds the caller to its stack.
func (m *Machine) place(f *program.Func, pc int, err error) error {
	var pos source.Pos
	if pc = max(pc, 0); pc < len(f.Pos) { // below 0: a jump back to the start ran out of steps
		pos = f.Pos[pc]
	}
	at := m.prog.Sources.Position(pos)
	var placed *Error
	if errors.As(err, &placed) {
		placed.Stack = append(placed.Stack, Frame{f.Name, at})
		return err
	}
	e := &Error{Code: diag.DeviceFailed, Span: source.Span{Pos: pos, End: pos + 1},
		Msg: err.Error(), Pos: at, Err: err, Stack: []Frame{{f.Name, at}}}
	var ft *fault
	if errors.As(err, &ft) {
		e.Code, e.Msg, e.Help, e.Err = ft.code, ft.msg, ft.help, ft.err
	}
	if e.Pos.Line == 0 {
		e.Pos.File, e.Span = strings.TrimSpace(m.prog.Name), source.Span{}
	}
	return e
}
