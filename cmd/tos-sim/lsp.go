package main

import (
	"os"

	"github.com/spf13/cobra"

	"tensoros/neurolang/lsp"
)

func lspCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "lsp",
		Short: "Serve Neuro-Lang to an editor",
		Long: "Speak the Language Server Protocol 3.17 over the standard streams: diagnostics with " +
			"fixes, hovers,\ninlay types, definitions, references, rename, completion, formatting, semantic " +
			"tokens.\nneurolang/lsp/vscode is the extension for VS Code.",
		RunE: func(*cobra.Command, []string) error {
			return lsp.New(e.in, e.out, lsp.Options{Load: os.ReadFile,
				Version: thisVersion().Version}).Serve()
		},
	}
}
