package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/plan"
	"github.com/spf13/cobra"
)

// getFlags are the flags of kvsclip get.
type getFlags struct {
	rangeFlags
	aws  awsFlags
	talk talkFlags

	output     string
	engine     clip.Engine
	crossCheck bool
	format     clip.Format
	where      string
	every      time.Duration
	tags       string
	frames     string
	clockTrack bool
	piece      time.Duration
	minutes    time.Duration // of a piece, as get_clip.py counts
	gaps       clip.Gaps
	trim       clip.Trim
	onChange   clip.OnChange
	overlap    plan.Overlap
	merge      clip.Merge
	parallel   int
	dryRun     bool
	resume     bool
	force      bool
	incomplete bool
	receipt    string
	sign       string
	json       bool
}

func (a *app) get() *cobra.Command {
	var f getFlags
	cmd := &cobra.Command{
		Use:   "get STREAM --from WHEN (--to WHEN | --for DURATION) [-o OUT]",
		Short: "download a clip of any length as one file",
		Example: `  kvsclip get front-door --from "yesterday 14:00" --for 30m
  kvsclip get front-door --from -2h --to now -o last.mp4
  kvsclip get front-door --from "2026-03-14 01:17" --to "2026-03-14 01:30" --tz America/Los_Angeles
  kvsclip get front-door --from 1773476255 --for 13m --clock producer -o clips/
  kvsclip get front-door --from -1d --to now -n            # what it would take
  kvsclip get front-door --from -10m --to now -o - | ffplay -
  kvsclip get front-door --from -1d --to now --every 1h -o 'door/{from:%Y-%m-%d_%H%M}.mp4'
  kvsclip get front-door --from -1d --to now --where 'tag.motion == "true"' --tags tags.ndjson
  kvsclip get front-door --from -1h --to now --json | jq -r '.outputs[].path'`,
		Long: `WHEN is RFC 3339 (2026-03-14T01:17:35-07:00), a local time (2026-03-14 01:17), a date, epoch seconds or
milliseconds, now, -2h30m, "2h ago", "today 9:15" or "yesterday 14:00".

OUT is a file, or a folder when it ends in / or is one. Without it the file is named after stream and range,
in the working folder. It appears under that name only when it is whole and checked; a run that was stopped
goes on where it was when the same command is run again. Its ending says what it is: .mp4, .mkv (any codec),
.m4a or .wav (sound alone), .m3u8 (HLS); - writes fragmented MP4 to standard output while the clip comes.
OUT may have fields: {stream}, {region}, {clock}, {from}, {to}, {from:%Y-%m-%d_%H%M%S}, {n}, {n:03}.

EXPR tells fragments by tag.NAME or tag["NAME"], bytes, length (seconds), number, producer and server:
'tag.motion == "true" && length > 1'. What only tags tell costs the reading of every fragment in the range.`,
		Annotations:       exits(doneWhole, exitFailed, exitUsage, exitEmpty, exitIncomplete, exitDenied, exitNoStream, exitLocal, exitInterrupted),
		Args:              oneStream,
		ValidArgsFunction: noFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			stream, err := f.oneOf(cmd, args)
			if err != nil {
				return err
			}
			return a.runGet(cmd.Context(), &f, stream)
		},
	}
	f.register(cmd)
	return cmd
}

func (f *getFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	f.rangeFlags.register(fs)
	fs.StringVarP(&f.output, "output", "o", "", "write to `OUT`, a file, a folder or - (default named after stream and range)")
	fs.Var(choice[clip.Format]{to: &f.format, accepted: []clip.Format{clip.FormatMP4, clip.FormatMKV, clip.FormatM4A, clip.FormatWAV, clip.FormatHLS}}, "format",
		"what OUT is, where its ending does not say")
	fs.Var(lengthFlag{&f.every}, "every", "cut files at clock marks, as 10m or 1h, counted from midnight in --tz")
	fs.StringVar(&f.where, "where", "", "take the fragments for which `EXPR` is true")
	fs.StringVar(&f.tags, "tags", "", "write to `FILE` what is known of each fragment, with its producer's tags, as JSON lines")
	fs.StringVar(&f.frames, "frames", "", "write to `FILE` when each frame was taken and where it lies in OUT, as JSON lines")
	fs.BoolVar(&f.clockTrack, "clock-track", false, "add the time on the wall as subtitles and chapters, and in a .vtt file beside OUT")
	fs.BoolVarP(&f.dryRun, "dry-run", "n", false, "print the plan and stop")
	fs.BoolVar(&f.force, "force", false, "overwrite OUT")
	fs.BoolVar(&f.json, "json", false, "print the result, or the error, as one JSON object")
	f.talk.register(fs)
	f.trim = clip.TrimExact
	fs.Var(choice[clip.Trim]{to: &f.trim, accepted: []clip.Trim{clip.TrimExact, clip.TrimFragment}}, "trim",
		"play exactly the asked range, or whole fragments; lossless both")
	f.gaps = clip.GapsSqueeze
	fs.Var(choice[clip.Gaps]{to: &f.gaps, accepted: []clip.Gaps{clip.GapsSqueeze, clip.GapsKeep, clip.GapsSplit}}, "gaps",
		"holes in the recording: close them up, keep their length, or write one file a span; all are listed")
	f.onChange = clip.ChangeJoin
	fs.Var(choice[clip.OnChange]{to: &f.onChange, accepted: []clip.OnChange{clip.ChangeJoin, clip.ChangeSplit}}, "on-change",
		"when codec configuration, picture size or tracks change: go on in one file, or write one for each")
	f.overlap = plan.OverlapAuto
	fs.Var(overlapFlag(&f.overlap), "overlap", "of footage recorded more than once take what came first, what came last, or all")
	f.merge = clip.MergeNative
	fs.Var(choice[clip.Merge]{to: &f.merge, accepted: []clip.Merge{clip.MergeNative, clip.MergeFFmpeg, clip.MergeNone}}, "merge",
		"join in-process, with the ffmpeg program, or keep the pieces as files")
	fs.BoolVar(&f.incomplete, "allow-incomplete", false, "write OUT also if something listed cannot be had, name it, and exit with 4")
	fs.StringVar(&f.receipt, "receipt", "", "write to `FILE` what the clip is made of, with hashes, for kvsclip verify")
	fs.StringVar(&f.sign, "sign", "", "sign the receipt with the Ed25519 key in `KEYFILE` (PEM), in FILE.sig")
	f.engine = clip.EngineAuto
	fs.Var(choice[clip.Engine]{to: &f.engine, accepted: []clip.Engine{clip.EngineAuto, clip.EngineClip, clip.EngineFragments}}, "engine",
		"fetch by GetClip, fragment by fragment, or the latter where GetClip refuses")
	fs.BoolVar(&f.crossCheck, "cross-check", false, "fetch a sample of the pieces by both engines and compare them")
	f.parallel = 5
	fs.VarP(between{&f.parallel, 1, 32}, "parallel", "j", "pieces in flight")
	fs.Var(lengthFlag{&f.piece}, "piece", "longest piece (default as long as the limits allow)")
	fs.Var(minutesFlag{&f.minutes}, "chunk-size-minutes", "longest piece, in minutes")
	f.aws.registerPace(fs)
	fs.BoolVar(&f.resume, "resume", true, "go on with an earlier unfinished run; --resume=false starts afresh")
	f.aws.register(fs)
	fs.Lookup("chunk-size-minutes").Hidden = true
}

// request checks what the flags cannot check one by one.
func (f *getFlags) request(a *app, stream string) (clip.Request, asked, error) {
	q, err := a.asked(f.rangeFlags)
	switch {
	case err != nil:
	case f.output == "-" && f.json:
		err = usagef("-o - and --json both write to standard output: they exclude each other")
	case strings.HasPrefix(f.output, "s3://"):
		err = usagef("-o s3://: writing to S3 is not supported yet; give a file or a folder")
	case f.piece != 0 && f.minutes != 0:
		err = usagef("--piece and --chunk-size-minutes exclude each other")
	default:
		err = f.talk.check()
	}
	request := clip.Request{
		Stream:     stream,
		Range:      q.Range,
		Output:     f.output,
		Piece:      f.piece + f.minutes,
		Parallel:   f.parallel,
		Trim:       f.trim,
		Merge:      f.merge,
		Gaps:       f.gaps,
		OnChange:   f.onChange,
		Overlap:    f.overlap,
		NoResume:   !f.resume,
		Force:      f.force,
		Incomplete: f.incomplete,
		Receipt:    f.receipt,
		SignKey:    f.sign,
		Engine:     f.engine,
		CrossCheck: f.crossCheck,
		Format:     f.format,
		Where:      f.where,
		Every:      f.every,
		Zone:       q.zone,
		Tags:       f.tags,
		Frames:     f.frames,
		ClockTrack: f.clockTrack,
	}
	if f.output == "-" {
		request.Output, request.Writer = "", a.stdout
	}
	if err == nil {
		err = request.Check()
	}
	return request, q, err
}

func (a *app) runGet(ctx context.Context, f *getFlags, stream string) error {
	request, q, err := f.request(a, stream)
	if err != nil {
		return err
	}
	if f.dryRun {
		return a.showPlan(ctx, f.aws.Config, request, q, f.json)
	}
	if request.Writer != nil {
		if terminal(a.stdout) {
			return usagef("-o -: standard output is a terminal; pipe it into a program or a file")
		}
		ignorePipes()
	}
	talk := a.talk(ctx, f.talk)
	for _, text := range q.notes {
		talk.note(text)
	}
	config := f.aws.Config
	config.Report, config.Version = talk.event, cmp.Or(a.version, builtVersion())
	client, err := open(ctx, config, stream)
	if err != nil {
		talk.close()
		return err
	}
	report, err := client.Get(ctx, request)
	talk.close()
	if err != nil && request.Writer != nil {
		return pipedError{err}
	}
	if err != nil {
		return err
	}
	report.Notes = slices.Concat(q.notes, report.Notes)
	if request.Writer != nil {
		return a.showPiped(report, talk, f.talk.quiet, q.zone)
	}
	if err := a.showReport(report, talk, f.talk.quiet, f.json, q.zone); err != nil {
		return err
	}
	return lacking(report)
}

// errLacking means that the clip was written all the same.
var errLacking = errors.New("written without, as --allow-incomplete says")

// lacking is the error of a clip that was written although something is missing.
func lacking(r *clip.Report) error {
	if len(r.Missing) == 0 {
		return nil
	}
	return shownError{fmt.Errorf("%w: %s: %w", clip.ErrIncomplete, countText(len(r.Missing), "fragment"), errLacking)}
}
