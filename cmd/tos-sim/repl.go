package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/peterh/liner"

	krun "tensoros/kernel/run"
	"tensoros/kernel/shell"
)

// repl boots to the prompt. On a terminal lines can be edited and are remembered; from a pipe they
// are echoed behind the prompt, and an error in one makes the exit code 1.
func repl(e *env) error {
	return e.boot(func(s *session) error {
		s.banner()
		next, done := e.lines()
		defer done()
		read := func(prompt string) (string, error) {
			s.end() // a run that failed leaves its line
			return next(prompt)
		}
		sh := shell.New(s.kernel, s.shellHost(read), target(&s.board.Spec))
		if err := sh.Run(); err != nil {
			return err
		}
		if sh.Failed() && !terminal(e.in) {
			return told(exitFailed)
		}
		return nil
	})
}

func (s *session) shellHost(read func(string) (string, error)) shell.Host {
	return shell.Host{ReadLine: read, Out: s, Style: s.env.style(s.env.out),
		ReadFile: s.source, SaveTrace: s.save,
		AfterRun: func(rt *krun.Runtime) error {
			s.end()
			return s.table(rt)
		}}
}

// source reads the file of a run: that is when it begins.
func (s *session) source(name string) ([]byte, error) {
	s.begin()
	return s.env.readFile(name)
}

// lines reads from the terminal with editing and history, or plainly from a pipe.
func (e *env) lines() (read func(prompt string) (string, error), done func()) {
	if terminal(e.in) && terminal(e.out) {
		return editor()
	}
	r := bufio.NewReader(e.in)
	return func(prompt string) (string, error) {
		line, err := r.ReadString('\n')
		if err != nil && line == "" {
			return "", err
		}
		line = strings.TrimRight(line, "\r\n")
		fmt.Fprintf(e.out, "%s%s\n", prompt, line)
		return line, nil
	}, func() {}
}

func editor() (read func(string) (string, error), done func()) {
	l := liner.NewLiner()
	l.SetCtrlCAborts(true)
	path := historyFile()
	if f, err := os.Open(path); err == nil {
		l.ReadHistory(f)
		f.Close()
	}
	read = func(prompt string) (string, error) {
		line, err := l.Prompt(prompt)
		if errors.Is(err, liner.ErrPromptAborted) {
			return "", nil
		}
		if err == nil && strings.TrimSpace(line) != "" {
			l.AppendHistory(line)
		}
		return line, err
	}
	return read, func() {
		if os.MkdirAll(filepath.Dir(path), 0o777) == nil {
			if f, err := os.Create(path); err == nil {
				l.WriteHistory(f)
				f.Close()
			}
		}
		l.Close()
	}
}

// historyFile is where the lines of earlier sessions are; a place that cannot be written is no
// harm.
func historyFile() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "tensoros", "history")
}
