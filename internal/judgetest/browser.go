package judgetest

import (
	"bytes"
	"context"
	_ "embed" // the judge's page
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// Screening is a clip that a browser is to show.
type Screening struct {
	Path  string          // of the clip, or of an HLS playlist (.m3u8) beside its media
	Seeks []time.Duration // where to look, in this order; each before the clip's end
	Rate  float64         // how fast to play it from its beginning afterwards, up to 16; 0 means not at all
}

// Seen is what a browser made of a clip.
type Seen struct {
	Failure string        // what it says about an error, "code 3: ..." for one of decoding; else ""
	Length  time.Duration // as the browser tells it, to a microsecond
	Seeks   []Sight       // at the times asked for, fewer after a failure
	Played  []Sight       // in the order of showing, the last one at the end; a busy machine leaves some out
	Ended   bool          // it was played to its end
	Beeps   int           // heard while it was played; one that the machine was too busy to play at once counts twice
}

// Sight is a picture as a browser draws it. The PTS of its Frame is not known.
type Sight struct {
	Frame
	Width, Height int // pixels
}

//go:embed browser.html
var browserPage []byte

// patience is how long a browser may take for all screenings of one Watch.
const patience = time.Minute

// Watch lets Chromium show clips one after the other, without a window, and returns what it made
// of each. It stops the test if there is no such browser, if that has no H.264 decoder, or if it
// has not told all within a minute. The browser has ended when Watch returns, with its children.
func Watch(t testing.TB, screenings ...Screening) []Seen {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	reports := make(chan browserReport)
	server := httptest.NewServer(theatre(ctx, screenings, reports))
	defer server.Close()
	browser := browse(ctx, t, server.URL)
	defer browser.end(t, cancel)
	var all []Seen
	for _, s := range screenings {
		select {
		case r := <-reports:
			if r.H264 == "" {
				t.Fatalf("%s has no H.264 decoder: install Debian's chromium or Google Chrome", browser.cmd.Path)
			}
			all = append(all, r.seen())
		case <-browser.gone:
			t.Fatalf("%s: the browser ended by itself: %v\n%s", s.Path, browser.err, &browser.log)
		case <-ctx.Done():
			t.Fatalf("%s: the browser tells nothing: %v", s.Path, context.Cause(ctx))
		}
	}
	return all
}

// theatre serves the page, what it is to show, and the clips, and takes its reports.
func theatre(ctx context.Context, screenings []Screening, reports chan<- browserReport) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(browserPage) })
	mux.HandleFunc("GET /screenings", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(programme(screenings)) // a page that misses it tells nothing, and that is seen
	})
	for i, s := range screenings {
		mux.HandleFunc("GET "+clipFolder(i)+"{name}", func(w http.ResponseWriter, r *http.Request) { serve(w, r, s.Path) })
	}
	mux.HandleFunc("POST /report", func(w http.ResponseWriter, r *http.Request) {
		var report browserReport
		if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
			report.Failure = fmt.Sprintf("unreadable report: %v", err)
		}
		select {
		case reports <- report:
		case <-ctx.Done():
		}
	})
	return mux
}

// clipFolder is where the clip of a screening is served, with what lies beside it.
func clipFolder(i int) string { return "/clip/" + strconv.Itoa(i) + "/" }

// clipName is the name of the clip there.
func clipName(path string) string {
	if isPlaylist(path) {
		return "clip" + playlist
	}
	return "clip.mp4"
}

const playlist = ".m3u8"

func isPlaylist(path string) bool { return filepath.Ext(path) == playlist }

// serve gives out the clip, or a file that a playlist names.
func serve(w http.ResponseWriter, r *http.Request, path string) {
	name := r.PathValue("name")
	switch {
	case name != clipName(path) && isPlaylist(path):
		path = filepath.Join(filepath.Dir(path), filepath.Base(name))
	case isPlaylist(path):
		w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
	}
	http.ServeFile(w, r, path)
}

// programme is what the page is to show, with times in seconds.
func programme(screenings []Screening) (all []browserScreening) {
	for i, s := range screenings {
		b := browserScreening{Clip: clipFolder(i) + clipName(s.Path), Seeks: []float64{}, Rate: s.Rate}
		for _, at := range s.Seeks {
			b.Seeks = append(b.Seeks, at.Seconds())
		}
		all = append(all, b)
	}
	return all
}

// browserScreening is one clip as the page is told of it.
type browserScreening struct {
	Clip  string    `json:"clip"`
	Seeks []float64 `json:"seeks"` // seconds
	Rate  float64   `json:"rate"`
}

// browserReport is what the page tells of one clip.
type browserReport struct {
	H264    string         `json:"h264"` // "" for no
	Failure string         `json:"failure"`
	Length  float64        `json:"length"` // seconds
	Seeks   []browserSight `json:"seeks"`
	Played  []browserSight `json:"played"`
	Ended   bool           `json:"ended"`
	Beeps   int            `json:"beeps"`
}

// browserSight is a picture as the page tells it: the brightness of each macroblock of the first
// rows, over whole columns.
type browserSight struct {
	Width  int   `json:"width"`
	Height int   `json:"height"`
	Blocks []int `json:"blocks"` // 0 to 255
}

func (r browserReport) seen() Seen {
	s := Seen{Failure: r.Failure, Ended: r.Ended, Beeps: r.Beeps}
	s.Length = time.Duration(r.Length*1e6) * time.Microsecond
	for _, b := range r.Seeks {
		s.Seeks = append(s.Seeks, b.sight())
	}
	for _, b := range r.Played {
		s.Played = append(s.Played, b.sight())
	}
	return s
}

// sight lays the picture out as ffmpeg's look does, and reads its field.
func (b browserSight) sight() Sight {
	p := bytes.Repeat([]byte{128}, lookWide*lookRows)
	columns := len(b.Blocks) / lookRows
	for i := range min(columns, lookWide) * lookRows {
		p[i/columns*lookWide+i%columns] = byte(b.Blocks[i])
	}
	return Sight{Frame: readField(p), Width: b.Width, Height: b.Height}
}

// browser is Chromium at work.
type browser struct {
	cmd  *exec.Cmd
	log  bytes.Buffer  // what it and its children say; to be read when gone is closed
	err  error         // how it ended; likewise
	gone chan struct{} // closed when it and its children have ended
}

// browse opens a page in a new browser without a window, which the end of ctx kills.
func browse(ctx context.Context, t testing.TB, url string) *browser {
	t.Helper()
	home := t.TempDir()
	b := &browser{gone: make(chan struct{})}
	b.cmd = exec.CommandContext(ctx, chromium(t), "--headless", "--user-data-dir="+filepath.Join(home, "profile"),
		"--no-sandbox", // it cannot have one as root, nor in most containers; it sees no page but ours
		"--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--mute-audio", url)
	b.cmd.Env = append(os.Environ(), "HOME="+home)
	b.cmd.Stdout, b.cmd.Stderr = &b.log, &b.log
	b.cmd.WaitDelay = 20 * time.Second
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(b.gone)
		b.err = b.cmd.Wait() // children have the same standard error: it waits for the last one to let go
	}()
	return b
}

// end kills the browser and waits for it and its children, which go when it is gone.
func (b *browser) end(t testing.TB, kill context.CancelFunc) {
	t.Helper()
	kill()
	<-b.gone
	if errors.Is(b.err, exec.ErrWaitDelay) {
		t.Errorf("children of %s have outlived it", b.cmd.Path)
	}
}

// browsers are the names under which Chromium or Chrome may be there.
var browsers = [...]string{
	"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
	"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", `C:\Program Files\Google\Chrome\Application\chrome.exe`,
}

// chromium finds the browser.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("chromium is missing: install it, or run make test, which does")
	return ""
}
