package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/spf13/cobra"
)

// verifyFlags are the flags of kvsclip verify.
type verifyFlags struct {
	key   string
	json  bool
	quiet bool
}

func (a *app) verify() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify CLIP [RECEIPT]",
		Short: "check a clip: its structure and tables, and with its receipt every byte",
		Example: `  kvsclip verify door.mp4                              # is it a sound MP4?
  kvsclip verify door.mp4 door.json                    # is every byte as it was downloaded?
  kvsclip verify door.mp4 door.json --key pub.pem      # and was the receipt signed by this key?
  kvsclip verify door.mp4 door.json --json | jq .difference`,
		Long: `Decodes nothing. With the receipt that kvsclip get --receipt wrote, it proves that the file is the one that
was written, or names the first place where it is not: track, samples, fragment, wall time and bytes of the file.

The JSON has the keys clip, bytes, sha256, sound (problem if not), durationMs, tracks; with a receipt also receipt,
proven, media (the bytes of all samples are as they were; absent when the receipt's signature is not good), and
difference: what (media, tables, boxes, size, file, signature or hash), text, box, track, kind, first, samples, piece,
fragment, at, fileMs, from, to (not included), want, got, others. And notes, if there are any.`,
		Annotations: verifyExits(),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usagef("verify takes a clip, and its receipt if there is one; got %d arguments", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runVerify(cmd.Context(), &f, args) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.key, "key", "", "the receipt must be signed by the Ed25519 key whose public half is in `FILE` (PEM); its signature is in RECEIPT.sig")
	fs.BoolVar(&f.json, "json", false, "print what was found, or the error, as one JSON object")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing but errors; the exit code tells")
	return cmd
}

// verifyExits are the exit codes: what failing means is a verdict here.
func verifyExits() map[string]string {
	codes := exits("proven; without a receipt: structure and tables are in order", exitFailed, exitUsage, exitLocal, exitInterrupted)
	codes[exitKey] = strings.Replace(codes[exitKey], codeText(exitFailed), "differs, or is unsound; or the receipt is none, or cannot be trusted", 1)
	return codes
}

func (a *app) runVerify(ctx context.Context, f *verifyFlags, args []string) error {
	request := clip.VerifyRequest{Clip: args[0], Key: f.key}
	if len(args) > 1 {
		request.Receipt = args[1]
	}
	if f.key != "" && request.Receipt == "" {
		return usagef("--key is for the signature of a receipt: name the receipt too")
	}
	v, err := clip.Verify(ctx, request)
	if v == nil {
		return err
	}
	if told := a.showVerdict(v, f); told != nil {
		return told
	}
	if err != nil {
		return shownError{err}
	}
	return nil
}

func (a *app) showVerdict(v *clip.Verdict, f *verifyFlags) error {
	switch {
	case f.json:
		return a.printJSON(v)
	case f.quiet:
		return nil
	}
	return a.print(verdictText(v, time.Local))
}

// verdictText tells people what was found. Times are shown in zone.
func verdictText(v *clip.Verdict, zone *time.Location) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", v.Clip, verdictWord(v))
	fmt.Fprintf(&b, "  %s%s%s\n", bytesText(v.Bytes), playsText(v), tracksText(v.Tracks))
	if v.Problem != "" {
		fmt.Fprintf(&b, "  unsound: %s\n", v.Problem)
	}
	if v.Proven {
		b.WriteString(provenText(v))
	}
	if v.Receipt != nil {
		b.WriteString(receiptText(v.Receipt, zone))
	}
	switch {
	case v.Untrusted():
		b.WriteString(untrustedText(v.Difference))
	case v.Difference != nil:
		b.WriteString(differenceText(v, zone))
	}
	for _, text := range v.Notes {
		fmt.Fprintf(&b, "  note: %s\n", text)
	}
	return b.String()
}

func verdictWord(v *clip.Verdict) string {
	switch {
	case v.Untrusted():
		return "not proven: the receipt cannot be trusted"
	case v.Difference != nil:
		return "differs"
	case !v.Sound:
		return "unsound"
	case v.Proven:
		return "proven"
	}
	return "structure in order"
}

// untrustedText tells why a receipt is worth nothing.
func untrustedText(d *clip.Difference) string {
	return fmt.Sprintf("  %s\n  asked for was the key %s\n  the clip was not compared with the receipt\n", d.Text, d.Want)
}

func playsText(v *clip.Verdict) string {
	if len(v.Tracks) == 0 {
		return ""
	}
	return ", " + lengthText(milliseconds(v.DurationMs))
}

// provenText tells what is known now.
func provenText(v *clip.Verdict) string {
	var tracks []string
	for _, t := range v.Tracks {
		tracks = append(tracks, fmt.Sprintf("%s of %s", countText(t.Samples, "sample"), t.Kind))
	}
	return fmt.Sprintf("  every byte is as it was written: %s, tables and boxes\n  SHA-256 %s\n", strings.Join(tracks, ", "), v.SHA256)
}

func receiptText(r *clip.Compared, zone *time.Location) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  receipt of %s by kvsclip %s: ", wallTime(r.Made.Time, zone), r.Version)
	if r.Stream != "" {
		fmt.Fprintf(&b, "stream %s, ", r.Stream)
	}
	fmt.Fprintf(&b, "%d of %s in %s, %s, %s\n", r.Fragments.Fetched, countText(r.Fragments.Listed, "fragment"),
		countText(r.Pieces, "piece"), countText(r.Seams, "seam"), countText(r.Gaps, "gap"))
	if r.Missing > 0 {
		fmt.Fprintf(&b, "  %s could not be had when it was made\n", countText(r.Missing, "fragment"))
	}
	if r.SignedBy != "" {
		fmt.Fprintf(&b, "  the receipt is signed by the key %s\n", r.SignedBy)
	}
	return b.String()
}

// differenceText tells what differs first, and where.
func differenceText(v *clip.Verdict, zone *time.Location) string {
	d := v.Difference
	var b strings.Builder
	fmt.Fprintf(&b, "  first difference: %s", d.Text)
	if d.Track != 0 {
		fmt.Fprintf(&b, " of track %d", d.Track)
	}
	if d.Kind != "" {
		fmt.Fprintf(&b, ", %s", d.Kind)
	}
	b.WriteString("\n")
	if d.Samples > 0 {
		fmt.Fprintf(&b, "    samples %d to %d, %s into the file's media\n", d.First, d.First+d.Samples-1, lengthText(milliseconds(d.FileMs)))
	}
	if !d.At.IsZero() {
		fmt.Fprintf(&b, "    taken at %s\n", wallTime(d.At.Time, zone))
	}
	if d.Fragment != "" {
		fmt.Fprintf(&b, "    fragment %s, of piece %d\n", d.Fragment, d.Piece)
	}
	if d.Box != "" {
		fmt.Fprintf(&b, "    box %s\n", d.Box)
	}
	if d.To > 0 {
		fmt.Fprintf(&b, "    among bytes %d to %d of the file, both included\n", d.From, d.To-1)
	}
	if d.Others > 0 {
		fmt.Fprintf(&b, "    and %s of samples more\n", countText(d.Others, "run"))
	}
	if v.Media {
		b.WriteString("  all samples are as they were downloaded: pictures and sound were not touched\n")
	}
	return b.String()
}

// verifyHint says what to do about a clip that is not as it should be.
func verifyHint(err error) string {
	switch {
	case errors.Is(err, clip.ErrReceipt):
		return "name the file that kvsclip get --receipt wrote"
	case errors.Is(err, clip.ErrUntrusted):
		return "check --key, and get receipt and .sig from whoever made them; the clip was not compared"
	case errors.Is(err, clip.ErrDiffers):
		return "find the copy that is proven, or download the range again"
	}
	return "get the file again"
}
