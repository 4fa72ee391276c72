package clip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/ffmpeg"
	"github.com/kvsclip/kvsclip/internal/footage"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/origin"
	"github.com/kvsclip/kvsclip/internal/progress"
	"github.com/kvsclip/kvsclip/internal/sink"
	"github.com/kvsclip/kvsclip/internal/splice"
	"github.com/kvsclip/kvsclip/plan"
)

// StillRequest is one picture.
type StillRequest struct {
	Stream string    // name or ARN
	At     time.Time // the picture that was shown then is wanted
	Clock  archive.Clock
	// Output is a file name, or a folder; "" means the default name in the working folder. Its
	// ending says what the picture is written as: .jpg, .png, or .h264 or .h265 for the coded key
	// frame as it is.
	Output string
	Force  bool // overwrite Output
}

// StillReport is what became of a StillRequest. Its JSON is a contract: keys are only added.
type StillReport struct {
	Stream   string `json:"stream"`
	Region   string `json:"region"`
	Clock    string `json:"clock"`
	Asked    Time   `json:"asked"`
	At       Time   `json:"at"`       // when the picture was taken, on Clock
	Fragment string `json:"fragment"` // that it lies in
	Path     string `json:"path"`
	Bytes    int64  `json:"bytes"`
	Format   string `json:"format"` // "jpeg", "png", "h264" or "h265"
	// Exact says that the picture is the one that was shown then. Without the ffmpeg program only
	// the key frame that its fragment begins with can be had of most codecs.
	Exact bool     `json:"exact"`
	Notes []string `json:"notes,omitempty"`
}

// pictureEndings are those of files that Still writes; "" is a JPEG by a name without one.
var pictureEndings = []string{"", ".jpg", ".jpeg", ".png", ".h264", ".h265"}

// ending is that of the file the user named, small; "" if only a folder is named.
func (r StillRequest) ending() string {
	if (Request{Output: r.Output}).unnamed() {
		return ""
	}
	return strings.ToLower(filepath.Ext(r.Output))
}

// Still writes the picture that was shown at an instant. It fetches one fragment. A JPEG or PNG is
// made by the machine's ffmpeg program; where there is none, and the camera sends no JPEG itself, the
// coded key frame before the instant is written as it is, and the report says so.
func (c *Client) Still(ctx context.Context, r StillRequest) (*StillReport, error) {
	r.At = milliseconds(r.At)
	if r.Stream == "" {
		return nil, fmt.Errorf("%w: no stream is named", ErrUsage)
	}
	if !slices.Contains(pictureEndings, r.ending()) {
		return nil, fmt.Errorf("%w: output %q: a picture is .jpg or .png, and a coded key frame .h264 or .h265", ErrUsage, r.Output)
	}
	dir, err := os.MkdirTemp("", "kvsclip-")
	if err != nil {
		return nil, local(err)
	}
	defer os.RemoveAll(dir)
	s := &still{Client: c, StillRequest: r, dir: dir}
	if err := s.fetch(ctx); err != nil {
		return nil, err
	}
	defer s.fetched.Close()
	if err := s.find(); err != nil {
		return nil, err
	}
	return s.write(ctx)
}

// still is one picture on its way.
type still struct {
	*Client
	StillRequest
	dir     string // for what is fetched
	fetched *fetch.Result
	movie   *media.Movie // of the fragment
	picture footage.Picture
	run     origin.Run // of the picture's fragment
}

// fetch brings the fragment that holds the instant.
func (s *still) fetch(ctx context.Context) error {
	q := Request{Stream: s.Stream, Range: archive.Range{Clock: s.Clock, From: s.At, To: s.At.Add(time.Millisecond)}, Engine: EngineFragments}
	p, err := s.plan(ctx, q, func(text string) { s.report.Report(progress.Note{Text: text}) })
	if err != nil {
		return err
	}
	if len(p.Pieces) == 0 {
		return fmt.Errorf("%w: at %s, %s time", ErrEmpty, s.At.Format(time.RFC3339Nano), s.Clock)
	}
	folder, err := fetch.OpenFolder(filepath.Join(s.dir, "pieces"))
	if err != nil {
		return local(err)
	}
	defer folder.Close()
	p.Pieces = p.Pieces[len(p.Pieces)-1:] // of several that hold it, the one that began last
	job := fetch.Job{Client: s.door, Stream: s.Stream, Plan: p, Folder: folder, Engine: EngineFragments, Report: s.report}
	s.fetched, err = job.Run(ctx)
	return err
}

// find finds the picture in what came.
func (s *still) find() error {
	parts := partsOf(&plan.Plan{}, s.fetched.Pieces)
	for i := len(parts.pieces) - 1; i >= 0; i-- {
		joined, err := splice.Join(parts.pieces[i:i+1], splice.Options{Clock: s.Clock})
		if err != nil {
			return err
		}
		runs := origin.Cut(joined.Movie, parts.of(parts.pieces[i:i+1]).origins())
		if p, ok := footage.At(joined.Movie, runs, s.At, s.Clock); ok {
			s.movie, s.picture, s.run = joined.Movie, p, runOf(runs, p)
			return nil
		}
	}
	return fmt.Errorf("%w: at %s, %s time, there are no pictures", ErrEmpty, s.At.Format(time.RFC3339Nano), s.Clock)
}

// runOf is the run that a picture lies in.
func runOf(runs []origin.Run, p footage.Picture) origin.Run {
	for _, r := range runs {
		if r.Track == p.Track.ID && r.First <= p.Sample+1 && p.Sample+1 < r.First+r.Samples {
			return r
		}
	}
	return origin.Run{First: 1}
}

// write writes the picture, as the output's ending says or as well as can be done.
func (s *still) write(ctx context.Context) (*StillReport, error) {
	r := &StillReport{
		Stream: streamName(s.Stream), Region: s.Region(), Clock: s.Clock.String(), Asked: Time{s.At}, At: Time{s.picture.At}, Fragment: s.run.Fragment.Number,
	}
	ext := s.ending()
	raw, kind := s.coded()
	var err error
	switch {
	case kind == "jpeg" && ext != ".png" && ext != ".h264" && ext != ".h265":
		err = s.save(ctx, r, ".jpg", kind, true, raw)
	case ext == ".h264" || ext == ".h265":
		err = s.keyFrame(ctx, r, ext[1:])
	case errors.Is(ffmpeg.Check(), ffmpeg.ErrMissing):
		r.Notes = append(r.Notes, "there is no ffmpeg program to make a "+cmp.Or(strings.TrimPrefix(ext, "."), "jpg")+": this is the coded key frame that the picture builds on; install ffmpeg for the picture itself")
		err = s.keyFrame(ctx, r, "")
	default:
		err = s.decoded(ctx, r, cmp.Or(ext, ".jpg"))
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// decoded has ffmpeg make the picture.
func (s *still) decoded(ctx context.Context, r *StillReport, ext string) error {
	in, out := filepath.Join(s.dir, "fragment.mp4"), filepath.Join(s.dir, "still"+ext)
	laid, _, err := s.container(&in).lay(s.movie)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(in, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return local(err)
	}
	_, err = laid.WriteTo(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return local(err)
	}
	if err := ffmpeg.Still(ctx, in, s.picture.Rank, out); err != nil {
		return err
	}
	b, err := os.ReadFile(out)
	if err != nil {
		return local(err)
	}
	kind := strings.TrimPrefix(ext, ".")
	if kind == "jpg" {
		kind = "jpeg"
	}
	return s.save(ctx, r, ext, kind, true, b)
}

// container is what the fragment is handed to ffmpeg in.
func (s *still) container(path *string) Format {
	if foreign([]splice.Piece{{Movie: s.movie}}, false) == "" {
		return FormatMP4
	}
	*path = strings.TrimSuffix(*path, ".mp4") + ".mkv"
	return FormatMKV
}

// coded returns the picture as the camera coded it, and what that is: "jpeg" or something that
// builds on other pictures.
func (s *still) coded() ([]byte, string) {
	b, err := s.sample(s.picture.Track, s.picture.Sample)
	if err != nil || len(b) < 2 || b[0] != 0xff || b[1] != 0xd8 {
		return nil, ""
	}
	return b, "jpeg"
}

// sample reads the bytes of a sample.
func (s *still) sample(t *media.Track, i int) ([]byte, error) {
	m := t.Samples[i]
	b := make([]byte, m.Size)
	n, err := s.movie.Sources[m.Source].ReadAt(b, m.Offset)
	if n < len(b) && err == nil {
		err = io.ErrUnexpectedEOF
	}
	if n == len(b) {
		err = nil
	}
	return b, err
}

// keyFrame writes the coded key frame at or before the picture, with its parameter sets.
func (s *still) keyFrame(ctx context.Context, r *StillReport, want string) error {
	t, i := s.picture.Track, s.picture.Sample
	for i > 0 && !t.Samples[i].Sync {
		i--
	}
	c := t.Configs[t.Samples[i].Config]
	kind := map[string]string{"avc1": "h264", "avc3": "h264", "hvc1": "h265", "hev1": "h265"}[c.Format]
	if kind == "" || want != "" && want != kind {
		return fmt.Errorf("%w: a key frame of %s cannot be written as .%s", ErrUsage, c.Codec(), cmp.Or(want, "jpg, for lack of the ffmpeg program"))
	}
	b, err := s.sample(t, i)
	if err != nil {
		return local(err)
	}
	if b, err = footage.AnnexB(c, b); err != nil {
		return err
	}
	if i != s.picture.Sample { // fragments begin with a key frame
		r.At = Time{s.run.Time(s.Clock, 0)}
	}
	return s.save(ctx, r, "."+kind, kind, i == s.picture.Sample, b)
}

// save writes the file and completes the report.
func (s *still) save(ctx context.Context, r *StillReport, ext, kind string, exact bool, b []byte) error {
	path := s.path(ext, r.At.Time)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return local(err)
	}
	f, err := sink.Create(path, "", s.Force)
	if err != nil {
		return local(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		return local(err)
	}
	if err := f.Commit(ctx); err != nil {
		return local(err)
	}
	r.Path, r.Bytes, r.Format, r.Exact = path, f.Size(), kind, exact
	return nil
}

// path is where the picture goes. A name that says another kind of file gets the right ending.
func (s *still) path(ext string, at time.Time) string {
	q := Request{Output: s.Output, Stream: s.Stream}
	if q.unnamed() {
		return filepath.Join(s.Output, safe(streamName(s.Stream))+at.UTC().Format("_20060102T150405.000Z")+ext)
	}
	switch have := strings.ToLower(filepath.Ext(s.Output)); {
	case have == ext || have == ".jpeg" && ext == ".jpg" || ext == ".jpeg" && have == ".jpg":
		return s.Output
	case have == ".jpg" || have == ".jpeg" || have == ".png":
		return strings.TrimSuffix(s.Output, filepath.Ext(s.Output)) + ext
	}
	return s.Output
}
