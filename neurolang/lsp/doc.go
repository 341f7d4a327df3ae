// Package lsp serves Neuro-Lang to editors: the Language Server Protocol 3.17 over a pair of
// streams, one message after the other. Its folder vscode is the extension for VS Code.
package lsp
