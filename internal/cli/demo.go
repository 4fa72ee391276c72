package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/kvsemu"
	"github.com/spf13/cobra"
)

// demoLength is how long the camera of the demo has filmed, its gap included.
const demoLength = 18 * time.Minute

// demoCamera is what the demo downloads: more fragments than one GetClip gives, sound, a hole in
// the recording, and a codec configuration that changes on the way.
func demoCamera(begin time.Time) kvsemu.Camera {
	return kvsemu.Camera{
		FPS:     25,
		GOP:     2 * time.Second,
		BFrames: 2,
		Sound:   "aac",
		Rate:    300_000,
		From:    begin,
		For:     demoLength,
		Gaps:    []kvsemu.Gap{{After: 6 * time.Minute, Length: 90 * time.Second}},
		Changes: []kvsemu.Change{{After: 12 * time.Minute, Width: 800, Height: 600}},
	}
}

// demoFlags are the flags of kvsclip demo.
type demoFlags struct {
	output string
	force  bool
	json   bool
	talk   talkFlags
}

func (a *app) demo() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo [-o OUT]",
		Short: "see it work: no account, no camera, nothing but this program",
		Example: `  kvsclip demo
  kvsclip demo -o /tmp/demo.mp4 --force`,
		Long: `Runs the service on this machine with one camera, and downloads a clip from it that is longer than one call
of GetClip can give. Neither your credentials nor the network are touched.`,
		Annotations: exits(doneWhole, exitFailed, exitUsage, exitLocal, exitInterrupted),
		Args:        noArguments,
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.runDemo(cmd.Context(), &f) },
	}
	fs := cmd.Flags()
	fs.StringVarP(&f.output, "output", "o", "demo.mp4", "write to `OUT`, a file")
	fs.BoolVar(&f.force, "force", false, "overwrite OUT")
	fs.BoolVar(&f.json, "json", false, "print the result, or the error, as one JSON object")
	f.talk.register(fs)
	return cmd
}

func (a *app) runDemo(ctx context.Context, f *demoFlags) error {
	if err := f.talk.check(); err != nil {
		return err
	}
	if st, err := os.Stat(f.output); err == nil && !st.IsDir() && !f.force {
		return fmt.Errorf("output %q: %w", f.output, clip.ErrExists) // before the story is told
	}
	begin := a.now().Add(-demoLength - 2*time.Minute).Truncate(time.Second)
	emu := &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"demo": demoCamera(begin)}}
	run, err := kvsemu.Start(ctx, emu, "127.0.0.1:0")
	if err != nil {
		return err
	}
	report, err := a.tellDemo(ctx, f, run.URL, begin)
	if closed := run.Close(); err == nil {
		err = closed
	}
	if err != nil || f.json || f.talk.quiet {
		return err
	}
	return a.print(demoEnd(report))
}

// tellDemo does what kvsclip plan and kvsclip get do, and says so.
func (a *app) tellDemo(ctx context.Context, f *demoFlags, url string, begin time.Time) (*clip.Report, error) {
	talk := a.talk(ctx, f.talk)
	defer talk.close()
	client, err := clip.Open(ctx, clip.Config{Anonymous: true, EndpointURL: url, Report: talk.event})
	if err != nil {
		return nil, err
	}
	request := clip.Request{
		Stream: "demo",
		Range:  archive.Range{Clock: archive.Producer, From: begin.UTC(), To: begin.Add(demoLength).UTC()},
		Output: f.output,
		Force:  f.force,
	}
	p, err := client.Plan(ctx, request)
	if err != nil {
		return nil, err
	}
	if !f.json && !f.talk.quiet {
		story := fmt.Sprintf(demoBegin, lengthText(demoLength), url, p.Fragments(), len(p.Pieces))
		if err := a.print(story); err != nil {
			return nil, err
		}
	}
	report, err := client.Get(ctx, request)
	if err != nil {
		return nil, err
	}
	return report, a.showReport(report, talk, f.talk.quiet, f.json, time.Local)
}

const demoBegin = `A camera named demo has filmed for %s; the service runs at %s.
It recorded %d fragments; one call of GetClip gives 200 at the most, and stops there without a word.
There is a hole in the recording. So kvsclip asks for %d pieces. On the way the picture size changes, which no
listing shows: GetClip refuses the piece that holds the change, and kvsclip fetches that one fragment by fragment.

`

// demoEnd says what was proven and what to type next.
func demoEnd(r *clip.Report) string {
	place := "No picture is out of place."
	if worst, _ := worstSeam(r.Seams); tenths(worst) != "0" {
		place = fmt.Sprintf("No picture is more than %s ms out of place.", tenths(worst))
	}
	return fmt.Sprintf(`
Every fragment that was listed is in the file, once: %d of %d. %s

Now your own stream:
  kvsclip streams
  kvsclip plan STREAM --from -1h --to now
  kvsclip get STREAM --from -1h --to now -o clip.mp4
`, r.Fragments.Fetched, r.Fragments.Listed, place)
}
