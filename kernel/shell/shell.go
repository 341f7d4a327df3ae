package shell

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"tensoros/hw"
	"tensoros/kernel"
	"tensoros/kernel/run"
	"tensoros/neurolang"
	"tensoros/neurolang/diag"
	"tensoros/neurolang/vm"
)

// Prompts of a first line and of those that go on with it.
const (
	Prompt = "TOS> "
	More   = "...> "
)

// Host is what the shell borrows from the world around the machine.
type Host struct {
	// ReadLine gives the next line without its end, or io.EOF.
	ReadLine func(prompt string) (string, error)
	Out      io.Writer
	Style    diag.Style
	// ReadFile reads a source file.
	ReadFile func(name string) ([]byte, error)
	// SaveTrace writes the trace so far; nil if nothing is recorded.
	SaveTrace func(name string) error
	// AfterRun, if not nil, is called after each program that was run by name.
	AfterRun func(r *run.Runtime) error
}

// Shell is a REPL on a booted kernel.
type Shell struct {
	k       *kernel.Kernel
	host    Host
	rt      *run.Runtime
	session *neurolang.Session
	target  int
	failed  bool
	last    *neurolang.Program
	took    hw.Time
}

// New makes a shell; target is the compute capability that kernels are compiled for (80, 90).
func New(k *kernel.Kernel, host Host, target int) *Shell {
	s := &Shell{k: k, host: host, target: target}
	s.rt = run.New(k, func(line string) { fmt.Fprintln(host.Out, line) })
	s.session = neurolang.NewSession(s.rt, neurolang.Options{Target: target, Load: host.ReadFile,
		Builtins: []neurolang.Builtin{{Name: "run", Result: neurolang.Unit,
			Params: []neurolang.BuiltinParam{{Name: "file", Type: neurolang.String}},
			Fn: func(args []vm.Value) (vm.Value, error) {
				return vm.Value{}, s.RunFile(args[0].Str())
			}}}})
	return s
}

// Runtime is what the shell's programs run on.
func (s *Shell) Runtime() *run.Runtime { return s.rt }

// Failed reports whether any line was in error.
func (s *Shell) Failed() bool { return s.failed }

// Run reads lines until they end or :quit.
func (s *Shell) Run() error {
	for {
		text, err := s.read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		if done := s.line(text); done {
			return nil
		}
	}
}

// read gathers lines until they are a whole statement.
func (s *Shell) read() (string, error) {
	text, err := s.host.ReadLine(Prompt)
	if err != nil {
		return "", err
	}
	for !isCommand(text) && s.session.Incomplete(text) {
		more, err := s.host.ReadLine(More)
		if errors.Is(err, io.EOF) {
			return text, nil // the parser will say what is missing
		}
		if err != nil {
			return "", err
		}
		text += "\n" + more
	}
	return text, nil
}

// isCommand tells commands from the language: a colon, or a bare help, exit or quit.
func isCommand(text string) bool {
	t := strings.TrimSpace(text)
	return strings.HasPrefix(t, ":") || t == "help" || t == "exit" || t == "quit"
}

// line executes a statement or a command and reports whether the shell is over.
func (s *Shell) line(text string) bool {
	if isCommand(text) {
		return s.command(strings.Fields(strings.TrimPrefix(strings.TrimSpace(text), ":")))
	}
	start := s.k.CPU.Now()
	value, err := s.session.Eval(text)
	s.took = s.k.CPU.Now() - start
	if err != nil {
		s.complain(err)
		return false
	}
	if value != "" {
		fmt.Fprintln(s.host.Out, value)
	}
	return false
}

func (s *Shell) complain(err error) {
	s.failed = true
	var text *neurolang.Errors
	var at *vm.Error
	if errors.As(err, &text) || errors.As(err, &at) {
		fmt.Fprint(s.host.Out, neurolang.Render(s.session.Program().Sources, err, s.host.Style))
		return
	}
	fmt.Fprintln(s.host.Out, "error:", err)
}

// RunFile compiles a file and runs its main.
func (s *Shell) RunFile(name string) error {
	src, err := s.host.ReadFile(name)
	if err != nil {
		return err
	}
	p, set, ds := neurolang.Compile(name, src, neurolang.Options{Target: s.target,
		Load: s.host.ReadFile})
	if p == nil {
		return &neurolang.Errors{Set: set, List: ds}
	}
	s.last = p
	mark := s.rt.Mark()
	s.rt.Prefetch(p)
	err = vm.Run(p, s.rt, vm.Options{})
	if free := s.rt.FreeSince(mark); err == nil {
		err = free
	}
	if err != nil {
		return fmt.Errorf("%s", neurolang.Render(set, err, s.host.Style))
	}
	if s.host.AfterRun != nil {
		return s.host.AfterRun(s.rt)
	}
	return nil
}
