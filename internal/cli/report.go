package cli

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/clip"
)

// showReport tells what became of a request: as JSON, as names of files, or for people, who
// have read on t what it told.
func (a *app) showReport(r *clip.Report, t *talk, quiet, asJSON bool, zone *time.Location) error {
	switch {
	case asJSON:
		return a.printJSON(r)
	case quiet:
		var b strings.Builder
		for _, o := range r.Outputs {
			fmt.Fprintln(&b, o.Path)
		}
		return a.print(b.String())
	}
	return a.print(summary(r, t.untold(r.Notes), zone))
}

// showPiped tells people what became of a clip that went to standard output, on standard error.
func (a *app) showPiped(r *clip.Report, t *talk, quiet bool, zone *time.Location) error {
	if quiet {
		return nil
	}
	r.Outputs[0].Path = "standard output"
	_, err := fmt.Fprint(a.stderr, summary(r, t.untold(r.Notes), zone))
	return err
}

// summary tells people what is in the clip and what is not. Times are shown in zone.
func summary(r *clip.Report, notes []string, zone *time.Location) string {
	var b strings.Builder
	for _, o := range r.Outputs {
		fmt.Fprintf(&b, "%s\n  %s, %s%s\n", o.Path, lengthText(milliseconds(o.DurationMs)), bytesText(o.Bytes), tracksText(o.Tracks))
	}
	if d := r.Delivered; d != nil {
		fmt.Fprintf(&b, "  %s to %s\n", wallTime(d.From.Time, zone), wallTime(d.To.Time, zone))
	}
	elapsed := lengthText(milliseconds(r.ElapsedMs))
	switch {
	case r.Stream == "": // of a join
		fmt.Fprintf(&b, "  %s joined in %s\n", countText(r.Pieces, "clip"), elapsed)
	case r.Fragments.Listed == 0:
		fmt.Fprintf(&b, "  %s in %s; the fragments could not be listed to compare\n", countText(r.Pieces, "piece"), elapsed)
	default:
		fmt.Fprintf(&b, "  %d of %s in %s, %s\n", r.Fragments.Fetched, countText(r.Fragments.Listed, "fragment"), countText(r.Pieces, "piece"), elapsed)
	}
	b.WriteString(enginesText(r))
	b.WriteString(gapsText(r.Gaps, r.GapPolicy, r.Where != "", zone))
	b.WriteString(missingText(r.Missing, zone))
	b.WriteString(seamsText(r.Seams))
	if r.Receipt != "" {
		fmt.Fprintf(&b, "  receipt %s%s\n", r.Receipt, signedText(r.Signature))
	}
	if r.Tags != "" {
		fmt.Fprintf(&b, "  tags %s\n", r.Tags)
	}
	if r.Frames != "" {
		fmt.Fprintf(&b, "  frames %s\n", r.Frames)
	}
	if usd := r.EstimatedCostUSD; usd != nil {
		fmt.Fprintf(&b, "  cost about %s\n", dollarsText(*usd))
	}
	for _, text := range notes {
		fmt.Fprintf(&b, "  note: %s\n", text)
	}
	return b.String()
}

// enginesText tells what is not usual about how the pieces came.
func enginesText(r *clip.Report) string {
	var b strings.Builder
	if n := r.Fragments.Skipped; n > 0 {
		fmt.Fprintf(&b, "  %s left out, as --where says\n", countText(n, "fragment"))
	}
	if strings.Contains(r.Engine, "+") {
		b.WriteString("  some pieces came fragment by fragment, for GetClip refused them\n")
	}
	if r.CrossChecked != nil {
		fmt.Fprintf(&b, "  %s came the same by both engines\n", countText(*r.CrossChecked, "piece"))
	}
	return b.String()
}

func signedText(signature string) string {
	if signature == "" {
		return ""
	}
	return ", signed in " + signature
}

func tracksText(tracks []clip.Track) string {
	var b strings.Builder
	for _, t := range tracks {
		fmt.Fprintf(&b, ", %s", codecsText(t))
		if t.Width > 0 {
			fmt.Fprintf(&b, " %dx%d", t.Width, t.Height)
		}
	}
	return b.String()
}

// codecsText names the codecs of a track in order of appearance. Neighbours that differ in
// something else, as the picture size, are named once.
func codecsText(t clip.Track) string {
	if len(t.Codecs) < 2 {
		return t.Codec
	}
	names := slices.Compact(slices.Clone(t.Codecs))
	text := strings.Join(names, " then ")
	if len(names) < len(t.Codecs) {
		text += fmt.Sprintf(" (%d configurations)", len(t.Codecs))
	}
	return text
}

// fates are what became of gaps, in words.
var fates = map[clip.Gaps]string{
	clip.GapsSqueeze: "closed up", clip.GapsKeep: "kept at full length", clip.GapsSplit: "one file for each span between",
}

func gapsText(gaps []clip.Gap, policy clip.Gaps, filtered bool, zone *time.Location) string {
	if len(gaps) == 0 {
		return ""
	}
	var b strings.Builder
	why := "nothing was recorded"
	if filtered {
		why += ", or nothing that --where takes"
	}
	fmt.Fprintf(&b, "  %s, %s: %s\n", countText(len(gaps), "gap"), fates[policy], why)
	for _, g := range gaps {
		fmt.Fprintf(&b, "    %s to %s (%s)\n", wallTime(g.From.Time, zone), wallTime(g.To.Time, zone), lengthText(milliseconds(g.DurationMs)))
	}
	return b.String()
}

// maxTold is how many times of missing fragments people are told one by one.
const maxTold = 20

func missingText(ms []clip.Missing, zone *time.Location) string {
	if len(ms) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  %s MISSING: listed by the service, which does not give them\n", countText(len(ms), "fragment"))
	runs := together(ms)
	for _, r := range runs[:min(len(runs), maxTold)] {
		last := r[len(r)-1]
		fmt.Fprintf(&b, "    %s to %s, %s from %s on: %s\n", wallTime(r[0].From.Time, zone), wallTime(last.To.Time, zone), countText(len(r), "fragment"), r[0].Fragment, r[0].Reason)
	}
	if n := len(runs) - maxTold; n > 0 {
		fmt.Fprintf(&b, "    and %d more times; --json names all\n", n)
	}
	return b.String()
}

// together are runs of fragments that follow each other within a picture's time.
func together(ms []clip.Missing) [][]clip.Missing {
	var runs [][]clip.Missing
	for i, m := range ms {
		if i == 0 || m.From.Sub(ms[i-1].To.Time) > 5*time.Second {
			runs = append(runs, nil)
		}
		n := len(runs) - 1
		runs[n] = append(runs[n], m)
	}
	return runs
}

func seamsText(seams []clip.Seam) string {
	if len(seams) == 0 {
		return ""
	}
	picture, sound := worstSeam(seams)
	return fmt.Sprintf("  %s, worst error: picture %s ms, sound %s ms\n", countText(len(seams), "seam"), tenths(picture), tenths(sound))
}

// worstSeam returns the largest errors in milliseconds, without their signs.
func worstSeam(seams []clip.Seam) (picture, sound float64) {
	for _, s := range seams {
		picture = max(picture, math.Abs(s.VideoErrorMs))
		sound = max(sound, math.Abs(s.AudioErrorMs))
	}
	return picture, sound
}

// tenths writes 0, 0.4 or 12: never -0 and never 0.0.
func tenths(ms float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", ms), ".0") }
