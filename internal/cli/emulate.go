package cli

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/kvsclip/kvsclip/kvsemu"
	"github.com/spf13/cobra"
)

// emulateFlags are the flags of kvsclip emulate, but for the switches of the server itself.
type emulateFlags struct {
	listen  string
	cameras []string
	verbose bool
}

func (a *app) emulate() *cobra.Command {
	var f emulateFlags
	var emu kvsemu.Server
	cmd := &cobra.Command{
		Use:   "emulate",
		Short: "run the service on this machine, for tests and for trying things out",
		Example: `  kvsclip emulate
  kvsclip emulate --listen 127.0.0.1:4566 --camera front-door:sound=aac,gap=10m+3m
  kvsclip emulate --camera a:gop=1s --camera b:fps=29.97,bframes=2 --throttle-rate 0.1
  kvsclip emulate --camera c:file=my.mp4
  kvsclip emulate --data recordings`,
		Long: `The first line on standard output is KVSCLIP_EMULATOR= and the URL to give as --endpoint-url. It runs until it
is interrupted. No account is needed and any credentials are taken. Without --camera there is one, named camera.

Streams made by CreateStream take uploads by PutMedia.

NAME:key=value,... of a camera: fps, gop, bframes, sound (aac, alaw, ulaw, none), pictures (none), size (640x360),
rate, file, from (-2h), for, gap (10m+30s), codec (20m), resize (20m+800x600), track (20m+none), again (5m+30s),
jitter, irregular, upload, server-jitter, clock-offset, retention, relative, clock (10m-1h), late (10m+5m), replay (10m+30s),
tag (motion:true@10m+30s), lost (10m+30s), kms (denied).`,
		Annotations: exits(done, exitUsage, exitLocal),
		Args:        noArguments,
		RunE:        func(cmd *cobra.Command, _ []string) error { return a.runEmulate(cmd.Context(), &f, &emu) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.listen, "listen", "127.0.0.1:0", "`ADDRESS` to listen on; port 0 picks a free one")
	fs.StringArrayVar(&f.cameras, "camera", nil, "a stream and what was recorded, `NAME[:key=value,...]`; may be repeated")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "tell of each call on standard error")
	switches := flag.NewFlagSet("emulate", flag.ContinueOnError)
	emu.RegisterFlags(switches)
	fs.AddGoFlagSet(switches)
	return cmd
}

func (a *app) runEmulate(ctx context.Context, f *emulateFlags, emu *kvsemu.Server) error {
	if err := addCameras(emu, f.cameras); err != nil {
		return err
	}
	if f.verbose {
		var mu sync.Mutex // one line at a time on standard error
		emu.Log = func(c kvsemu.Call) {
			mu.Lock()
			defer mu.Unlock()
			a.tellCall(c)
		}
	}
	run, err := kvsemu.Start(ctx, emu, f.listen)
	if err != nil {
		return err
	}
	err = a.print("KVSCLIP_EMULATOR=" + run.URL + "\n")
	fmt.Fprint(a.stderr, emulatorHints(run.URL, emu))
	if err == nil {
		<-ctx.Done()
	}
	if closed := run.Close(); err == nil {
		err = closed
	}
	return err
}

func addCameras(emu *kvsemu.Server, specs []string) error {
	if len(specs) == 0 {
		specs = []string{"camera"}
	}
	emu.Cameras = map[string]kvsemu.Camera{}
	for _, spec := range specs {
		name, camera, err := kvsemu.ParseCamera(spec)
		if err != nil {
			return usagef("--camera %q: %w", spec, err)
		}
		if _, ok := emu.Cameras[name]; ok {
			return usagef("--camera: there are two named %q", name)
		}
		emu.Cameras[name] = camera
	}
	return nil
}

func (a *app) tellCall(c kvsemu.Call) {
	fmt.Fprintf(a.stderr, "kvsclip: %s %s: %d %s, %s, %s, %s\n",
		c.Op, c.Stream, c.Status, c.Code, countText(c.Fragments, "fragment"), bytesText(c.Bytes), lengthText(c.Elapsed))
}

// emulatorHints are lines to copy into another terminal.
func emulatorHints(url string, emu *kvsemu.Server) string {
	stream := slices.Min(slices.Collect(maps.Keys(emu.Cameras)))
	region := cmp.Or(emu.Region, "us-west-2")
	return fmt.Sprintf(`
In another terminal:
  export AWS_ENDPOINT_URL_KINESIS_VIDEO=%s
  export AWS_REGION=%s AWS_DEFAULT_REGION=%s
  export AWS_ACCESS_KEY_ID=emulator AWS_SECRET_ACCESS_KEY=emulator
  aws kinesisvideo list-streams
  kvsclip plan %s --from -20m --to now
  kvsclip get %s --from -20m --to now -o clip.mp4

Ctrl-C stops it.
`, url, region, region, stream, stream)
}
