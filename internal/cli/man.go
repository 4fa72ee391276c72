package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

func (a *app) man() *cobra.Command {
	return &cobra.Command{
		Use:     "man FOLDER",
		Short:   "write man pages into a folder",
		Example: "  kvsclip man ~/.local/share/man/man1",
		Long: `Writes one page for each command. The folder is made when there is none. SOURCE_DATE_EPOCH sets the date
on the pages.`,
		Annotations: exits(done, exitUsage, exitLocal),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("man takes the FOLDER to write into; got %d arguments", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.runMan(args[0]) },
	}
}

func (a *app) runMan(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("%w: %w", clip.ErrLocal, err)
	}
	root := a.root()
	addExits(root)
	header := &doc.GenManHeader{Section: "1", Source: "kvsclip", Manual: "kvsclip"}
	if err := doc.GenManTree(root, header, folder); err != nil {
		return fmt.Errorf("%w: writing man pages: %w", clip.ErrLocal, err)
	}
	return nil
}

// addExits puts exit codes where man pages are made from.
func addExits(cmd *cobra.Command) {
	if codes := cmd.Annotations[exitKey]; codes != "" {
		// Four spaces keep lines apart in what pages are made from.
		cmd.Long += "\n\nExit codes:\n\n  " + strings.ReplaceAll(codes, "\n", "\n  ")
	}
	for _, c := range cmd.Commands() {
		addExits(c)
	}
}
