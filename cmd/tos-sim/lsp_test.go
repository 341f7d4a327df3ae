package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestLSPOverPipes talks to a process of its own as an editor does.
func TestLSPOverPipes(t *testing.T) {
	cmd := exec.Command(os.Args[0], "lsp")
	cmd.Args[0] = "tos-sim" // testscript then runs main
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(out)
	say := func(format string, args ...any) {
		body := fmt.Sprintf(format, args...)
		fmt.Fprintf(in, "Content-Length: %d\r\n\r\n%s", len(body), body)
	}
	hear := func(want string) {
		t.Helper()
		if got := lspMessage(t, r); !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	say(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}`)
	hear(`"hoverProvider":true`)
	text, err := json.Marshal("fn main() {\n    let x = 1;\n    print(y);\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	say(`{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"file:///a.nl",`+
		`"version":1,"text":%s}}}`, text)
	hear(`"code":"NL0101"`)
	say(`{"jsonrpc":"2.0","id":2,"method":"textDocument/hover","params":{"textDocument":` +
		`{"uri":"file:///a.nl"},"position":{"line":1,"character":8}}}`)
	hear("let x: int")
	say(`{"jsonrpc":"2.0","id":3,"method":"shutdown"}`)
	hear(`"id":3`)
	say(`{"jsonrpc":"2.0","method":"exit"}`)
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func lspMessage(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		if n, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			length, _ = strconv.Atoi(n)
		}
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		t.Fatal(err)
	}
	return string(body)
}
