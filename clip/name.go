package clip

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/internal/naming"
)

// inFolder says that Output names a folder, in which the file gets its default name.
func (r Request) inFolder() bool {
	if strings.HasSuffix(r.Output, "/") || strings.HasSuffix(r.Output, string(filepath.Separator)) {
		return true
	}
	return r.literal()
}

// literal says that Output is a folder that is there: then braces in its name are braces.
func (r Request) literal() bool {
	st, err := os.Stat(r.Output)
	return err == nil && st.IsDir()
}

// unnamed says that the user did not name the file.
func (r Request) unnamed() bool { return r.Output == "" || r.inFolder() }

// format is what the clip is written as.
func (r Request) format() Format {
	switch {
	case r.Format != "":
		return r.Format
	case r.unnamed():
		return FormatMP4
	}
	return formatOf(r.Output)
}

// output returns the file name of the clip: Output itself, with its fields filled in, or the
// default name in the folder it names.
func (r Request) output() string {
	out := r.Output
	if !r.literal() {
		out = r.filled(out, naming.Values{From: r.Range.From, To: r.Range.To, N: 1})
	}
	if !r.unnamed() {
		return out
	}
	name := strings.TrimSuffix(DefaultName(r.Stream, r.Range), ".mp4")
	switch {
	case r.format() != FormatHLS:
		return filepath.Join(out, name+r.format().suffix())
	case out == "":
		return filepath.Join(name+".hls", "index.m3u8")
	}
	return filepath.Join(out, "index.m3u8")
}

// filled fills the fields of a template that Check has found sound.
func (r Request) filled(text string, v naming.Values) string {
	t, err := naming.Parse(text)
	if err != nil {
		return text
	}
	v.Stream, v.Region, v.Clock, v.Zone = streamName(r.Stream), r.region, r.Range.Clock.String(), r.zone()
	out, err := t.Execute(v)
	if err != nil {
		return text
	}
	return out
}

// perFile says that Output has fields which tell the files of one clip apart.
func (r Request) perFile() bool {
	t, err := naming.Parse(filepath.Base(r.Output))
	return err == nil && !r.unnamed() && (t.Uses("n") || t.Uses("from") || t.Uses("to"))
}

// splitName is the path of the next file of the clip: the clip's own, or if it is split that and
// when the file begins, or what the template says. It is the n-th, from 1; before are all files so far,
// those beside the clip's too.
func (g *get) splitName(from, to time.Time, n int, before []staged) string {
	if !g.splits() {
		return g.path
	}
	base, ext := g.base()
	if g.perFile() {
		name := g.filled(filepath.Base(g.Output), naming.Values{From: from, To: to, N: n})
		path := filepath.Join(filepath.Dir(g.path), name)
		if !g.taken(path, before) {
			return path
		}
		return numbered(strings.TrimSuffix(path, filepath.Ext(path)), filepath.Ext(path), n)
	}
	if from.IsZero() {
		return numbered(base, ext, n)
	}
	path := base + "_" + from.UTC().Format("20060102T150405Z") + ext
	if g.taken(path, before) { // two in a second
		path = base + "_" + from.UTC().Format("20060102T150405.000Z") + ext
	}
	if g.taken(path, before) { // more in a millisecond
		path = numbered(strings.TrimSuffix(path, ext), ext, n)
	}
	return path
}

// taken says that a file in the clip's folder, or what is beside it, would have the name of another
// file of this clip.
func (g *get) taken(path string, before []staged) bool {
	return slices.ContainsFunc(append(g.besides(path), path), func(path string) bool {
		return clashes(path, g.Receipt, g.Tags, g.Frames) ||
			slices.ContainsFunc(before, func(f staged) bool { return f.Name == filepath.Base(path) })
	})
}

// besides are the files that lie beside an output.
func (r Request) besides(path string) (out []string) {
	if r.ClockTrack {
		out = append(out, beside(path, ".vtt"))
	}
	if r.format() == FormatHLS {
		out = append(out, beside(path, ".mp4"))
	}
	return out
}

// beside is a file of another kind beside an output: the same name with another ending.
func beside(path, ext string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + ext
}

// base splits the clip's name, so that pieces of it can be numbered.
func (g *get) base() (base, ext string) {
	ext = filepath.Ext(g.path)
	return strings.TrimSuffix(g.path, ext), ext
}

// numbered names the n-th piece of a clip, from 1: "clip.mp4" becomes "clip-001.mp4".
func numbered(base, ext string, n int) string { return fmt.Sprintf("%s-%03d%s", base, n, ext) }
