package fetch_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/fetch"
	"github.com/kvsclip/kvsclip/internal/kvs"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/kvsemu"
	"github.com/kvsclip/kvsclip/plan"
)

// bridge stands before an emulator and makes the answers of GetMediaForFragmentList itself, of those
// of GetClip for single fragments: so what the two engines bring can be compared although nothing
// but GetClip has made either.
type bridge struct {
	t      *testing.T
	emu    string // URL
	clip   *kvs.Client
	listed map[string]archive.Fragment
	made   map[string][]byte
	bend   func(b *mkv.Block, picture []byte) // changes what is sent; nil: nothing
}

// bridged makes an emulator with a camera and a client that sees it over a bridge.
func bridged(t *testing.T, c kvsemu.Camera) (*bridge, *bench) {
	t.Helper()
	c.From, c.Width, c.Height = begin, 320, 192
	run, err := kvsemu.Start(t.Context(), &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"cam": c}, NoPoints: true}, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Close() })
	br := &bridge{t: t, emu: run.URL, listed: map[string]archive.Fragment{}}
	if br.clip, err = kvs.Open(t.Context(), kvs.Config{Anonymous: true, EndpointURL: run.URL, Share: kvs.MaxShare}); err != nil {
		t.Fatal(err)
	}
	fs, err := br.clip.Fragments(t.Context(), "cam", archive.Range{Clock: archive.Producer, From: begin, To: begin.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fs {
		br.listed[f.Number] = f
	}
	br.record(fs)
	srv := httptest.NewServer(br)
	t.Cleanup(srv.Close)
	client, err := kvs.Open(t.Context(), kvs.Config{Anonymous: true, EndpointURL: srv.URL, Retries: 1, Share: kvs.MaxShare})
	if err != nil {
		t.Fatal(err)
	}
	return br, &bench{client: client}
}

func (br *bridge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/getMediaForFragmentList" {
		var in struct{ Fragments []string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		for _, n := range in.Fragments {
			_, _ = w.Write(br.made[n])
		}
		return
	}
	base := br.emu
	if r.URL.Path == "/getClip" || r.URL.Path == "/listFragments" {
		base, _ = br.clip.ClipEndpoint(r.Context(), "cam")
	}
	req, _ := http.NewRequestWithContext(r.Context(), http.MethodPost, base+r.URL.Path, r.Body)
	req.Header = r.Header
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		br.t.Error(err)
		return
	}
	defer resp.Body.Close()
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	body, _ := io.ReadAll(resp.Body)
	if r.URL.Path == "/getDataEndpoint" {
		w.Header().Del("Content-Length")
		body = []byte(`{"DataEndpoint":"http://` + r.Host + `"}`)
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(body)
}

// record makes all documents. A clip of one fragment does not tell where its sound lies beside its
// pictures: sound goes on, and begins with the recording.
func (br *bridge) record(fs []archive.Fragment) {
	br.made = map[string][]byte{}
	var sound int64 // samples so far
	for _, f := range fs {
		br.made[f.Number] = br.document(f, &sound)
	}
}

// document makes a fragment's document of a clip that holds it alone.
func (br *bridge) document(f archive.Fragment, sound *int64) []byte {
	number := f.Number
	var clip []byte
	q := kvs.ClipRequest{Stream: "cam", Clock: archive.Producer, First: f.Producer, Last: f.Producer, Fragments: 1}
	err := br.clip.Clip(br.t.Context(), q, func(a kvs.Answer) (err error) { clip, err = io.ReadAll(a); return err })
	if err != nil {
		br.t.Errorf("fragment %s: %v", number, err)
		return nil
	}
	m, err := mp4.Read(bytes.NewReader(clip), int64(len(clip)))
	if err != nil {
		br.t.Error(err)
		return nil
	}
	var tracks []mkv.Track
	var blocks []mkv.Block
	for i, t := range m.Tracks {
		track, err := mkv.TrackOf(t.Configs[0], t.Kind, uint64(i+1))
		if err != nil {
			br.t.Error(err)
		}
		tracks = append(tracks, track)
		own := blocksOf(m, t, uint64(i+1))
		for k := range own {
			if t.Kind == media.Audio {
				at := time.Duration(*sound) * 1024 * time.Second / time.Duration(t.Configs[0].SampleRate)
				own[k].Time = (begin.Add(at).Sub(f.Producer) + time.Millisecond/2).Milliseconds()
				*sound++
			}
		}
		blocks = append(blocks, own...)
	}
	slices.SortStableFunc(blocks, func(a, b mkv.Block) int { return int(a.Offset - b.Offset) })
	out := mkv.AppendKVSTags(mkv.AppendHeader(nil, 1e6, tracks), number, f.Server, f.Producer)
	out = mkv.AppendCluster(out, f.Producer.UnixMilli())
	for _, b := range blocks {
		picture := bytes.Clone(clip[b.Offset : b.Offset+b.Size])
		if br.bend != nil {
			br.bend(&b, picture)
		}
		out = append(mkv.AppendBlock(out, b.Track, int16(b.Time), b.Key, int64(len(picture))), picture...)
	}
	return out
}

// blocksOf lists a track's samples by their presentation times, in milliseconds from the first picture's.
func blocksOf(m *media.Movie, t *media.Track, number uint64) (out []mkv.Block) {
	first, _ := t.FirstComposition()
	if len(t.Edits) > 0 {
		first = 0
		for _, e := range t.Edits {
			if e.Media < 0 {
				first -= media.Rescale(e.Duration, m.Timescale, t.Timescale)
			} else {
				first += e.Media
			}
		}
	}
	for i, s := range t.Samples {
		at := media.Rescale(t.Composition(i)-first, t.Timescale, 1000)
		out = append(out, mkv.Block{Track: number, Time: at, Offset: s.Offset, Size: int64(s.Size), Key: s.Sync})
	}
	return out
}

var cameras = map[string]kvsemu.Camera{
	"pictures":                  {FPS: 10, GOP: 2 * time.Second, For: 5 * time.Minute},
	"pictures and sound":        {FPS: 10, GOP: 2 * time.Second, For: 5 * time.Minute, Sound: "aac"},
	"B-frames":                  {FPS: 10, GOP: 2 * time.Second, For: 5 * time.Minute, BFrames: 2},
	"uneven times and B-frames": {FPS: 10, GOP: 2 * time.Second, For: 5 * time.Minute, BFrames: 2, Jitter: 20 * time.Millisecond, Sound: "aac"},
}

// Both engines bring the same samples at the same times.
func TestEnginesBringTheSame(t *testing.T) {
	for name, c := range cameras {
		for _, e := range []fetch.Engine{fetch.EngineClip, fetch.EngineFragments} {
			t.Run(name+" by "+string(e), func(t *testing.T) {
				_, b := bridged(t, c)
				j := b.job(t, b.listed(t, 5*time.Minute, plan.Options{MaxPiece: 20 * time.Second}))
				j.Engine, j.CrossCheck = e, true
				r, err := j.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if n := len(r.Pieces); r.CrossChecked != 3 || r.CrossRefused != 0 || n < 12 {
					t.Errorf("%d of %d pieces compared, %d refused; want 3, the first, the last and the eleventh", r.CrossChecked, n, r.CrossRefused)
				}
				for _, p := range r.Pieces {
					if p.Engine != e {
						t.Errorf("piece %d came by %s", p.Index, p.Engine)
					}
				}
			})
		}
	}
}

// A byte or a time that is not the same ends the run.
func TestEnginesThatDifferAreTold(t *testing.T) {
	for name, tc := range map[string]struct {
		bend func(b *mkv.Block, picture []byte)
		want string
	}{
		"a byte": {func(b *mkv.Block, picture []byte) {
			if b.Time == 500 {
				picture[len(picture)-1] ^= 1
			}
		}, "video track 1, sample 6: byte"},
		"a time": {func(b *mkv.Block, _ []byte) {
			if b.Time == 500 {
				b.Time += 3
			}
		}, "video track 1, sample 6: shown at 500ms by GetClip, at 503ms"},
	} {
		br, b := bridged(t, cameras["pictures"])
		br.bend = tc.bend
		br.record(b.listed(t, time.Minute, plan.Options{}).Pieces[0].Fragments)
		j := b.job(t, b.listed(t, time.Minute, plan.Options{}))
		j.Engine, j.CrossCheck = fetch.EngineFragments, true
		_, err := j.Run(t.Context())
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "piece 1 ") {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}
