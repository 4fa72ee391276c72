package cli

import (
	"context"
	"time"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/spf13/cobra"
)

// joinFlags are the flags of kvsclip join.
type joinFlags struct {
	talk   talkFlags
	output string
	force  bool
	json   bool
}

func (a *app) join() *cobra.Command {
	var f joinFlags
	cmd := &cobra.Command{
		Use:   "join CLIP... -o OUT",
		Short: "join MP4 clips that are already on disk",
		Example: `  kvsclip join part1.mp4 part2.mp4 part3.mp4 -o whole.mp4
  kvsclip join clips/*.mp4 -o whole.mp4 --force`,
		Long: `Joins clips of GetClip, of the console or of get_clip.py in the order given, losslessly, by the same code
that joins the pieces of kvsclip get. What cannot be joined is named, and why, before OUT is touched.`,
		Annotations: exits(doneWhole, exitFailed, exitUsage, exitLocal, exitInterrupted),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("join takes the names of clips, in playing order")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runJoin(cmd.Context(), &f, args) },
	}
	fs := cmd.Flags()
	fs.StringVarP(&f.output, "output", "o", "", "write to `OUT`, a file; needed")
	fs.BoolVar(&f.force, "force", false, "overwrite OUT")
	fs.BoolVar(&f.json, "json", false, "print the result, or the error, as one JSON object")
	f.talk.register(fs)
	return cmd
}

func (a *app) runJoin(ctx context.Context, f *joinFlags, clips []string) error {
	if f.output == "" {
		return usagef("join needs the name of the file to write: -o OUT")
	}
	if err := f.talk.check(); err != nil {
		return err
	}
	talk := a.talk(ctx, f.talk)
	report, err := clip.Join(ctx, clip.JoinRequest{Clips: clips, Output: f.output, Force: f.force, Report: talk.event})
	talk.close()
	if err != nil {
		return err
	}
	return a.showReport(report, talk, f.talk.quiet, f.json, time.Local)
}
