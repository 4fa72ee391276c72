package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/timerange"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// rangeFlags say which stream and which part of it.
type rangeFlags struct {
	stream               string // as get_clip.py has it
	from, to, length, tz string
	clock                archive.Clock
}

func (r *rangeFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&r.stream, "stream-name", "", "the same as STREAM")
	fs.Lookup("stream-name").Hidden = true
	fs.StringVar(&r.from, "from", "", "begin at `WHEN` (also --start, --start-time)")
	fs.StringVar(&r.to, "to", "", "end before `WHEN` (also --end, --end-time)")
	fs.StringVar(&r.length, "for", "", "end `DURATION` later: 90s, 1h30m or 1d")
	fs.StringVar(&r.tz, "tz", "", "read times without a zone in `ZONE`: Europe/Berlin, UTC, -7, +05:30 (default the machine's)")
	fs.Var(clockFlag{&r.clock}, "clock", "whose timestamps the range speaks of (also --selector-type)")
}

// asked is a range as it was asked for.
type asked struct {
	archive.Range
	zone  *time.Location
	notes []string // what was changed about it
}

func (a *app) asked(r rangeFlags) (asked, error) {
	zone, err := timerange.Zone(r.tz)
	if err != nil {
		return asked{}, usageError{err}
	}
	now := a.now().Truncate(time.Millisecond)
	got, err := timerange.Parser{Now: now, Zone: zone}.Range(r.from, r.to, r.length, r.clock)
	if err != nil {
		return asked{}, usageError{err}
	}
	q := asked{Range: got, zone: zone}
	// Cameras whose clock runs ahead have footage with producer times in the future.
	if r.clock == archive.Server && got.To.After(now) {
		q.notes = append(q.notes, fmt.Sprintf("the range ends in the future, at %s: taken until now, %s", wallTime(got.To, zone), wallTime(now, zone)))
		q.To = now.UTC()
	}
	return q, nil
}

// instant reads one time that a flag must give, and the zone that it is shown in.
func (a *app) instant(when, tz string) (time.Time, *time.Location, error) {
	zone, err := timerange.Zone(tz)
	if err != nil {
		return time.Time{}, nil, usageError{err}
	}
	if when == "" {
		return time.Time{}, nil, usagef("--at is missing: give a time, as %s", timerange.Forms)
	}
	at, err := timerange.Parser{Now: a.now().Truncate(time.Millisecond), Zone: zone}.When(when)
	if err != nil {
		return time.Time{}, nil, usagef("--at: %w", err)
	}
	return at, zone, nil
}

// awsFlags say whose streams are read and how politely.
type awsFlags struct{ clip.Config }

func (w *awsFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&w.Region, "region", "", "look in `REGION` (default as the AWS CLI has it)")
	fs.StringVar(&w.Profile, "profile", "", "use the credentials of `PROFILE` (default as the AWS CLI has it)")
	fs.StringVar(&w.RoleARN, "role-arn", "", "assume the role `ARN`")
	fs.StringVar(&w.EndpointURL, "endpoint-url", "", "call the service at `URL`: an emulator or a private endpoint")
	w.Retries = 10
	fs.Var(between{&w.Retries, 1, 100}, "retries", "tries for one call before giving up")
}

// registerPace adds the flags of commands that use up a stream's quota.
func (w *awsFlags) registerPace(fs *pflag.FlagSet) {
	w.Share = 100
	fs.Var(between{&w.Share, 1, kvs.MaxShare}, "share", "use `PERCENT` of the stream's quota, so that live viewers keep theirs; above 100 where AWS has raised it")
	fs.Var(rateFlag{&w.LimitRate}, "limit-rate", "speed cap, as 500k or 2M (default none)")
}

// talkFlags say how much is told on standard error.
type talkFlags struct {
	quiet   bool
	verbose int
	format  string
}

func (t *talkFlags) register(fs *pflag.FlagSet) {
	fs.BoolVarP(&t.quiet, "quiet", "q", false, "no progress and no notes; on success only the names of the files")
	fs.CountVarP(&t.verbose, "verbose", "v", "log what happens instead of a progress bar; -vv logs more")
	t.format = "text"
	fs.Var(choice[string]{to: &t.format, accepted: []string{"text", "json"}}, "log-format", "form of the log")
}

func (t *talkFlags) check() error {
	if t.quiet && t.verbose > 0 {
		return usagef("--quiet and --verbose exclude each other")
	}
	return nil
}

// logger makes the log of a -v run.
func (a *app) logger(t talkFlags) *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if t.verbose > 1 {
		options.Level = slog.LevelDebug
	}
	if t.format == "json" {
		return slog.New(slog.NewJSONHandler(a.stderr, options))
	}
	return slog.New(slog.NewTextHandler(a.stderr, options))
}

// oneStream is the check of arguments of commands about one stream, before the environment is read.
func oneStream(cmd *cobra.Command, args []string) error {
	switch flag := cmd.Flags().Lookup("stream-name"); {
	case len(args) > 1:
		return notOne(cmd, args)
	case len(args) == 1 && flag.Changed:
		return usagef("give the stream as an argument or as --stream-name, not both")
	case len(args) == 1 && args[0] == "", flag.Changed && flag.Value.String() == "":
		return usagef("the name of the stream is empty")
	}
	return nil
}

// justOneStream is oneStream for commands that have no flag for it.
func justOneStream(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) != 1:
		return notOne(cmd, args)
	case args[0] == "":
		return usagef("the name of the stream is empty")
	}
	return nil
}

func notOne(cmd *cobra.Command, args []string) error {
	return usagef("%s takes one STREAM, its name or ARN; got %d arguments", cmd.Name(), len(args))
}

// oneOf is the stream that the argument, or else the flag, names.
func (r *rangeFlags) oneOf(cmd *cobra.Command, args []string) (string, error) {
	switch {
	case len(args) == 1:
		return args[0], nil
	case r.stream != "":
		return r.stream, nil
	}
	return "", notOne(cmd, args)
}

// open opens the service for one stream. Where nothing else names a region, its ARN does.
func open(ctx context.Context, config clip.Config, stream string) (*clip.Client, error) {
	client, err := clip.Open(ctx, config)
	if region := kvs.RegionOf(stream); region != "" && errors.Is(err, kvs.ErrNoRegion) {
		config.Region = region
		return clip.Open(ctx, config)
	}
	return client, err
}

// noFiles keeps shells from proposing files where none is meant.
func noFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}
