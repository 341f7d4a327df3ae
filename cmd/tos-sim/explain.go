package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tensoros/neurolang"
	"tensoros/neurolang/diag"
)

type codeReport struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

func explainCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:     "explain [CODE...]",
		Short:   "Say what a diagnostic's code means; without one, list all",
		Example: "    tos-sim explain NL0301",
		Args:    cobra.ArbitraryArgs,
		RunE:    func(_ *cobra.Command, args []string) error { return e.explain(args) },
	}
}

func (e *env) explain(codes []string) error {
	var list []codeReport
	for _, t := range diag.Titles {
		if len(codes) == 0 {
			list = append(list, codeReport{string(t.Code), t.Text})
		}
	}
	for _, code := range codes {
		code = strings.ToUpper(code)
		text, err := neurolang.Explain(code)
		if err != nil {
			return usage("tos-sim explain lists them", "%w", err)
		}
		list = append(list, codeReport{code, text})
	}
	if e.json {
		return e.encode(list)
	}
	for _, c := range list {
		fmt.Fprintf(e.out, "%s  %s\n", c.Code, c.Text)
	}
	return nil
}
