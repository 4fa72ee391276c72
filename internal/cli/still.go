package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/clip"
	"github.com/spf13/cobra"
)

// stillFlags are the flags of kvsclip still.
type stillFlags struct {
	aws    awsFlags
	talk   talkFlags
	at, tz string
	clock  archive.Clock
	output string
	force  bool
	json   bool
}

func (a *app) still() *cobra.Command {
	var f stillFlags
	cmd := &cobra.Command{
		Use:   "still STREAM --at WHEN [-o OUT]",
		Short: "write the picture that was shown at an instant",
		Example: `  kvsclip still front-door --at "2026-03-14 01:17:35" --tz America/Los_Angeles
  kvsclip still front-door --at -5m -o door.png`,
		Long: `One fragment is fetched. A JPEG or PNG, by OUT's ending, is made by the machine's ffmpeg program; without
it the coded key frame that the picture builds on is written as it is (.h264 or .h265), and that is said.`,
		Annotations:       exits(done, exitFailed, exitUsage, exitEmpty, exitIncomplete, exitDenied, exitNoStream, exitLocal, exitInterrupted),
		Args:              justOneStream,
		ValidArgsFunction: noFiles,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.runStill(cmd.Context(), &f, args[0]) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.at, "at", "", "`WHEN`, as get's --from takes it")
	fs.StringVar(&f.tz, "tz", "", "`ZONE` of times without one: Europe/Berlin, -7, +05:30 (default this machine's)")
	fs.Var(clockFlag{&f.clock}, "clock", "whose timestamps WHEN speaks of")
	fs.StringVarP(&f.output, "output", "o", "", "write to `OUT`, a file or a folder (default named after stream and time)")
	fs.BoolVar(&f.force, "force", false, "overwrite OUT")
	fs.BoolVar(&f.json, "json", false, "print the result, or the error, as one JSON object")
	f.talk.register(fs)
	f.aws.registerPace(fs)
	f.aws.register(fs)
	return cmd
}

func (a *app) runStill(ctx context.Context, f *stillFlags, stream string) error {
	if f.output == "-" {
		return usagef("-o -: a picture is written to a file or a folder")
	}
	at, zone, err := a.instant(f.at, f.tz)
	if err == nil {
		err = f.talk.check()
	}
	if err != nil {
		return err
	}
	talk := a.talk(ctx, f.talk)
	config := f.aws.Config
	config.Report, config.Version = talk.event, cmp.Or(a.version, builtVersion())
	client, err := open(ctx, config, stream)
	if err != nil {
		talk.close()
		return err
	}
	report, err := client.Still(ctx, clip.StillRequest{Stream: stream, At: at, Clock: f.clock, Output: f.output, Force: f.force})
	talk.close()
	switch {
	case err != nil:
		return err
	case f.json:
		return a.printJSON(report)
	case f.talk.quiet:
		return a.print(report.Path + "\n")
	}
	return a.print(stillText(report, zone))
}

// stillText tells people what picture it is.
func stillText(r *clip.StillReport, zone *time.Location) string {
	var b strings.Builder
	what := "the picture that was shown then"
	if !r.Exact {
		what = "the coded key frame before it, not the picture itself"
	}
	fmt.Fprintf(&b, "%s\n  %s, %s\n  taken %s: %s\n", r.Path, r.Format, bytesText(r.Bytes), wallTime(r.At.Time, zone), what)
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "  note: %s\n", n)
	}
	return b.String()
}
