package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands is the table of subcommands, in the order in which help lists them.
var commands = []func(*env) *cobra.Command{
	runCommand,
	buildCommand,
	checkCommand,
	fmtCommand,
	testCommand,
	docCommand,
	tuneCommand,
	explainCommand,
	lspCommand,
	driveCommand,
	fsCommand,
	serveCommand,
	replayCommand,
	conformCommand,
	machineCommand,
	ptxCommand,
	traceCommand,
	benchCommand,
	validateCommand,
	doctorCommand,
	versionCommand,
}

// env is what every subcommand gets: the streams and the global flags.
type env struct {
	in       io.Reader
	out, err io.Writer
	json     bool
	color    string // auto, always or never
	board    string // a preset, or a .toml file
	sets     []string
	seed     uint64
	drives   []string // image files; none: a drive made at boot
	faults   string   // a fault plan for the drives; "" for none
	trace    string   // where the trace goes; "" records none
	threads  int      // that simulate SMs
	exact    bool     // no sampling
	ties     uint64   // seed that shuffles simultaneous events; 0 leaves them in order
}

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the program: it returns the exit code.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	e := &env{in: in, out: out, err: errs}
	root := newRoot(e)
	root.SetArgs(args)
	return e.report(root.Execute())
}

// report writes the one line that an error gets, and returns its exit code.
func (e *env) report(err error) int {
	var x *exitError
	switch {
	case err == nil:
		return exitOK
	case !errors.As(err, &x):
		x = &exitError{code: exitFailed, err: err}
	}
	if x.err != nil {
		line := "tos-sim: " + strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")
		if x.hint != "" {
			line += " (" + x.hint + ")"
		}
		fmt.Fprintln(e.err, line)
	}
	return x.code
}

const longRoot = `TensorOS on a simulated machine. Without a command it boots the machine and
gives its prompt; lines may also come from a pipe:

    echo 'run("examples/matmul.nl")' | tos-sim

Exit codes:
`

func newRoot(e *env) *cobra.Command {
	cobra.EnableCommandSorting = false
	root := &cobra.Command{
		Use:           "tos-sim [flags]",
		Short:         "Boot TensorOS on a simulated machine",
		Long:          longRoot + exitTable(),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(*cobra.Command, []string) error { return repl(e) },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetIn(e.in)
	root.SetOut(e.out)
	root.SetErr(e.err)
	root.SetFlagErrorFunc(flagError)
	f := root.PersistentFlags()
	f.StringVar(&e.board, "board", "h100", "machine: a `NAME` (see machine list) or a .toml file")
	f.StringArrayVar(&e.sets, "set", nil, "change a setting of the machine, `KEY=VALUE` "+
		"(gpu.sm.count=66); may be repeated")
	f.Uint64Var(&e.seed, "seed", 1, "seed `N` of everything random")
	f.StringArrayVar(&e.drives, "drive", nil, "image `FILE` behind the first NVMe drive; repeated: "+
		"behind the next ones; default: a drive made at boot, in memory")
	f.StringVar(&e.faults, "faults", "", "make the NVMe drives fail by the plan in `FILE`, drawn "+
		"from the seed")
	f.StringVar(&e.trace, "trace", "", "record a timing trace into `FILE`")
	f.Uint64Var(&e.ties, "shuffle-ties", 0, "order simultaneous events by a hash of `SEED`: the "+
		"results must not change")
	f.IntVar(&e.threads, "threads", 1, "simulate SMs on `N` threads; the outcome is the same for "+
		"kernels without data races")
	f.BoolVar(&e.exact, "exact", false, "time every CTA; default: of grids of many like waves, "+
		"enough to know the others")
	f.BoolVar(&e.json, "json", false, "write the report as JSON")
	f.Var(newChoice(&e.color, "auto", "auto", "always", "never"), "color",
		"colour `WHEN`: auto, always or never; NO_COLOR is honoured")
	for _, c := range commands {
		root.AddCommand(c(e))
	}
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	walk(root, strict)
	return root
}

// helpCommand is cobra's own, but an unknown command is an error.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND...]",
		Short: "Explain a command",
		Args:  cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(c, rest[0])
			}
			return c.Help()
		},
	}
}

func walk(c *cobra.Command, visit func(*cobra.Command)) {
	visit(c)
	for _, sub := range c.Commands() {
		walk(sub, visit)
	}
}

// strict makes a command speak of mistakes in our manner. A command that only holds others asks
// which one.
func strict(c *cobra.Command) {
	c.DisableFlagsInUseLine = true
	args := c.Args
	group := c.HasSubCommands()
	c.Args = func(c *cobra.Command, given []string) error {
		if group && len(given) > 0 {
			return unknownCommand(c, given[0])
		}
		if args == nil {
			args = cobra.NoArgs
		}
		if err := args(c, given); err != nil {
			return usage("usage: "+c.UseLine(), "%s: %s", c.Name(), countError(given, err))
		}
		return nil
	}
	if group && c.RunE == nil {
		c.RunE = func(c *cobra.Command, _ []string) error {
			return usage("", "%s: which one? %s", c.Name(), strings.Join(names(c), ", "))
		}
	}
}

// countError puts cobra's complaints about the number of arguments into fewer words.
func countError(given []string, err error) string {
	if len(given) == 0 {
		return "an argument is missing"
	}
	if strings.HasPrefix(err.Error(), "unknown command") ||
		strings.HasPrefix(err.Error(), "accepts") {
		return fmt.Sprintf("one argument too many: %q", given[len(given)-1])
	}
	return err.Error()
}

func names(c *cobra.Command) []string {
	var out []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			out = append(out, sub.Name())
		}
	}
	return out
}

func unknownCommand(c *cobra.Command, name string) error {
	hint := "see tos-sim --help"
	if c.HasParent() {
		hint = fmt.Sprintf("see %s --help", c.CommandPath())
	}
	if s := nearest(name, names(c)); s != "" {
		hint = fmt.Sprintf("did you mean %s?", s)
	}
	return usage(hint, "no command %q", name)
}

// flagError words a mistake in the flags.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usage("see "+c.CommandPath()+" --help", "%v", err)
	}
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		return usage("see "+c.CommandPath()+" --help", "no flag -%s", unknown.GetSpecifiedName())
	}
	var known []string
	c.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	hint := "see " + c.CommandPath() + " --help"
	if s := nearest(unknown.GetSpecifiedName(), known); s != "" {
		hint = "did you mean --" + s + "?"
	}
	return usage(hint, "no flag --%s", unknown.GetSpecifiedName())
}
