package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/clip"
	"github.com/spf13/cobra"
)

// streamsFlags are the flags of kvsclip streams.
type streamsFlags struct {
	aws  awsFlags
	talk talkFlags
	json bool
}

func (a *app) streams() *cobra.Command {
	var f streamsFlags
	cmd := &cobra.Command{
		Use:   "streams [PREFIX]",
		Short: "list streams with retention and age",
		Example: `  kvsclip streams
  kvsclip streams front- --region eu-central-1
  kvsclip streams --json | jq -r '.streams[].name'`,
		Long: `Keys of --json, which are only added to: region, streams[] {name, arn, status, retentionHours, created,
ageSeconds}.`,
		Annotations: exits(done, exitFailed, exitUsage, exitDenied, exitInterrupted),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("streams takes one PREFIX at most; got %d arguments", len(args))
			}
			return nil
		},
		ValidArgsFunction: noFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runStreams(cmd.Context(), &f, strings.Join(args, ""))
		},
	}
	f.aws.register(cmd.Flags())
	cmd.Flags().BoolVar(&f.json, "json", false, "print the list, or the error, as one JSON object")
	f.talk.register(cmd.Flags())
	cmd.Flags().Lookup("quiet").Usage = "no note when there is nothing to list"
	return cmd
}

func (a *app) runStreams(ctx context.Context, f *streamsFlags, prefix string) error {
	if err := f.talk.check(); err != nil {
		return err
	}
	config := f.aws.Config
	if f.talk.verbose > 0 {
		talk := a.talk(ctx, f.talk)
		defer talk.close()
		config.Report = talk.event
	}
	client, err := clip.Open(ctx, config)
	if err != nil {
		return err
	}
	all, err := client.Streams(ctx, prefix)
	switch {
	case err != nil:
		return err
	case f.json:
		return a.printJSON(streamsJSON(all, client.Region(), a.now()))
	case len(all) == 0 && f.talk.quiet:
		return nil
	case len(all) == 0:
		fmt.Fprintf(a.stderr, "kvsclip: note: no stream in %s has a name that begins with %q\n", client.Region(), prefix)
		return nil
	}
	return a.print(streamsText(all, a.now()))
}

func streamsText(all []archive.Stream, now time.Time) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSTATUS\tRETENTION\tAGE\tCREATED")
	for _, s := range all {
		retention := "none"
		if s.Retention > 0 {
			retention = lengthText(s.Retention)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.Name, s.Status, retention, lengthText(age(s, now)), s.Created.UTC().Format(time.RFC3339))
	}
	_ = w.Flush() // into memory
	return b.String()
}

// age is how long a stream has existed, to the hour once that is all that matters.
func age(s archive.Stream, now time.Time) time.Duration {
	d := max(0, now.Sub(s.Created))
	if d > 24*time.Hour {
		return d.Truncate(time.Hour)
	}
	return d.Truncate(time.Second)
}

type streamsOut struct {
	Region  string      `json:"region"`
	Streams []streamOut `json:"streams"`
}

type streamOut struct {
	Name           string `json:"name"`
	ARN            string `json:"arn"`
	Status         string `json:"status"`
	RetentionHours int64  `json:"retentionHours"` // 0: footage is not kept
	Created        stamp  `json:"created"`
	AgeSeconds     int64  `json:"ageSeconds"`
}

func streamsJSON(all []archive.Stream, region string, now time.Time) streamsOut {
	out := streamsOut{Region: region, Streams: []streamOut{}}
	for _, s := range all {
		out.Streams = append(out.Streams, streamOut{
			Name: s.Name, ARN: s.ARN, Status: s.Status, RetentionHours: int64(s.Retention / time.Hour),
			Created: stamp(s.Created), AgeSeconds: int64(max(0, now.Sub(s.Created)) / time.Second),
		})
	}
	return out
}
