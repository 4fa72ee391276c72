// Package cli is the program kvsclip: words for people, JSON for scripts, hints and exit codes.
// It never decides anything about time, codecs or retries; that is done below it.
package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Program is one edition of kvsclip. The zero value is right but for its version.
type Program struct {
	Version string // "" means what the Go tool noted in the program
}

// Run does what args say, args[0] being the command, and returns the exit code. It ends early,
// with a message, when ctx does.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return Program{}.Run(ctx, args, stdin, stdout, stderr)
}

// Run is the function [Run] for this edition.
func (p Program) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{version: p.Version, stdout: stdout, stderr: stderr, now: time.Now, env: os.LookupEnv}
	root := a.root()
	root.SetArgs(slices.Concat([]string{}, args)) // never nil, which cobra reads as os.Args
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if cmd == root && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			return a.command(root, args[:1]) // its flags are unknown because it is
		}
		return plainer(err)
	})
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if !a.started {
		err = usageError{err}
	}
	_, shown := errors.AsType[shownError](err)
	return a.fail(ctx, cmd.CommandPath(), err, !shown && wantsJSON(cmd, args))
}

// app is what all commands share.
type app struct {
	version        string
	stdout, stderr io.Writer
	now            func() time.Time
	env            func(string) (string, bool)
	started        bool // flags and arguments were understood; errors before that are wrong use
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "kvsclip",
		Short: "download long clips from Amazon Kinesis Video Streams",
		Long: "One file of any length, in which no picture is missing, repeated or out of place.\n" +
			"kvsclip proves that before it says so.",
		Example: `  kvsclip demo                                        # see it work, no account needed
  kvsclip streams                                     # what is there
  kvsclip plan front-door --from -24h --to now        # what was recorded, what it takes
  kvsclip get front-door --from "yesterday 14:00" --for 30m
  kvsclip get front-door --from 2026-03-14T01:17:35-07:00 --to 2026-03-14T01:30:35-07:00 -o door.mp4`,
		Args:                       a.command,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE:          a.start,
		SilenceErrors:              true,
		SilenceUsage:               true,
		DisableAutoGenTag:          true,
		SuggestionsMinimumDistance: 2,
		Version:                    a.versionText(),
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetGlobalNormalizationFunc(sameFlags)
	root.SetHelpFunc(a.help)
	root.AddCommand(a.get(), a.still(), a.plan(), a.join(), a.verify(), a.streams(), a.doctor(), a.emulate(), a.demo(), a.man(), a.versionCommand())
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		cmd.DisableFlagsInUseLine = true
		cmd.Flags().SortFlags = false // as declared: the usual ones first
		if cmd.Name() == "completion" {
			cmd.Short = "print the completion script for bash, zsh, fish or PowerShell"
		}
	}
	return root
}

// start is called before each command, when flags and arguments are known to be well formed.
func (a *app) start(cmd *cobra.Command, _ []string) error {
	if err := a.fromEnvironment(cmd.Flags()); err != nil {
		return err
	}
	a.started = true
	return nil
}

// command refuses what is no command.
func (a *app) command(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		return usagef("unknown command %q, is it %s?", args[0], strings.Join(near, " or "))
	}
	return usagef("unknown command %q", args[0])
}

// wantsJSON says whether the caller counts on JSON, also when the flags could not all be read.
func wantsJSON(cmd *cobra.Command, args []string) bool {
	if slices.Contains(args, "--json") || slices.Contains(args, "--json=true") {
		return true
	}
	f := cmd.Flags().Lookup("json")
	return f != nil && f.Value.String() == "true"
}

// ignorePipes lets a write to a pipe that nobody reads any more fail, where it would end the program
// before that has tidied up.
func ignorePipes() { signal.Ignore(syscall.SIGPIPE) }

// terminal says whether w is a screen with somebody before it.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
