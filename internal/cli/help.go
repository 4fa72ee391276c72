package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// codeText is what each exit code means, as help tells it.
func codeText(code int) string {
	switch code {
	case exitFailed:
		return "failed; the message says at what and what to do next"
	case exitUsage:
		return "wrong use"
	case exitEmpty:
		return "nothing was recorded in the range"
	case exitIncomplete:
		return "incomplete: something that was listed could not be had; no file is written, unless --allow-incomplete"
	case exitDenied:
		return "not allowed, or credentials missing or expired"
	case exitNoStream:
		return "stream not found"
	case exitLocal:
		return "local trouble: disk full, file exists, not writable"
	case exitInterrupted:
		return "interrupted; run again to go on"
	}
	return ""
}

const exitKey = "exit codes"

// What exit code 0 means, of commands in general and of those that make a clip.
const (
	done      = "done"
	doneWhole = "done, and whole"
)

// exits notes the exit codes of a command, for its help: what 0 means, and the others it has.
func exits(ok string, codes ...int) map[string]string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %-4d %s\n", exitOK, ok)
	for _, code := range codes {
		fmt.Fprintf(&b, "  %-4d %s\n", code, codeText(code))
	}
	return map[string]string{exitKey: b.String()}
}

// help writes what a command is for: examples first, then use and flags, then exit codes.
func (a *app) help(cmd *cobra.Command, _ []string) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", cmd.CommandPath(), cmd.Short)
	section(&b, "Examples", cmd.Example)
	section(&b, "Usage", "  "+useLine(cmd))
	if cmd.Long != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimRight(cmd.Long, "\n"))
	}
	section(&b, "Commands", commandList(cmd))
	cmd.LocalFlags().SortFlags = false
	section(&b, "Flags", cmd.LocalFlags().FlagUsagesWrapped(110))
	if name := sampleFlag(cmd.LocalFlags()); cmd.Annotations[exitKey] != "" && name != "" {
		fmt.Fprintf(&b, "\nEach flag can be set in the environment too: %s for --%s.\n", variable(name), name)
	}
	section(&b, "Exit codes", cmd.Annotations[exitKey])
	fmt.Fprint(cmd.OutOrStdout(), b.String())
}

// sampleFlag names the flag that shows best what variables are called: one of two words, else the
// first; "" where there is none but help.
func sampleFlag(fs *pflag.FlagSet) string {
	sample := ""
	fs.VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Hidden || f.Name == "help":
		case sample == "", !strings.Contains(sample, "-") && strings.Contains(f.Name, "-"), f.Name == "log-format":
			sample = f.Name
		}
	})
	return sample
}

func section(b *strings.Builder, title, text string) {
	if text = strings.TrimRight(text, "\n"); text != "" {
		fmt.Fprintf(b, "\n%s:\n%s\n", title, text)
	}
}

func useLine(cmd *cobra.Command) string {
	if cmd.HasAvailableSubCommands() {
		return cmd.CommandPath() + " COMMAND"
	}
	return cmd.UseLine()
}

func commandList(cmd *cobra.Command) string {
	var b strings.Builder
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			fmt.Fprintf(&b, "  %-12s %s\n", c.Name(), c.Short)
		}
	}
	if b.Len() > 0 {
		fmt.Fprintf(&b, "\n%s COMMAND --help says more.\n", cmd.CommandPath())
	}
	return b.String()
}
