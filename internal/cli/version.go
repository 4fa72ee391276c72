package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:         "version",
		Short:       "print the version",
		Example:     "  kvsclip version",
		Annotations: exits(done, exitUsage),
		Args:        noArguments,
		RunE:        func(*cobra.Command, []string) error { return a.print(a.versionText() + "\n") },
	}
}

func (a *app) versionText() string {
	return fmt.Sprintf("kvsclip %s %s %s/%s", cmp.Or(a.version, builtVersion()), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// builtVersion is what the Go tool noted: a tag, or a commit when built from a checkout.
func builtVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments; got %q", cmd.Name(), args[0])
	}
	return nil
}
