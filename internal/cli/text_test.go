package cli

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/timerange"
)

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 113_548_211: "113.5 MB",
		21_600_000_000: "21.6 GB", 5_000_000_000_000: "5.0 TB",
	} {
		if got := bytesText(n); got != want {
			t.Errorf("bytesText(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestLengthText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                    "0s",
		420 * time.Millisecond:               "420ms",
		501380 * time.Millisecond:            "8m21.4s",
		3 * time.Minute:                      "3m",
		time.Hour:                            "1h",
		90 * time.Minute:                     "1h30m",
		time.Hour + 5*time.Second:            "1h0m5s",
		24 * time.Hour:                       "1d",
		26 * time.Hour:                       "1d2h",
		24*time.Hour + 1500*time.Millisecond: "1d1.5s",
	} {
		got := lengthText(d)
		if got != want {
			t.Errorf("lengthText(%v) = %q, want %q", d, got, want)
		}
		if d%(100*time.Millisecond) == 0 && d > time.Second {
			if back, err := timerange.Length(got); err != nil || back != d {
				t.Errorf("Length(%q) = %v, %v, want %v", got, back, err, d)
			}
		}
	}
}

func TestDollarsText(t *testing.T) {
	for usd, want := range map[[2]float64]string{
		{0.0009, 0.0013}:   "$0.00090 to $0.00130",
		{0.85, 1.19}:       "$0.85 to $1.19",
		{0.0000001, 0.001}: "$0.000000 to $0.001000",
	} {
		if got := dollarsText(usd); got != want {
			t.Errorf("dollarsText(%v) = %q, want %q", usd, got, want)
		}
	}
}

func TestRateFlag(t *testing.T) {
	for in, want := range map[string]int64{"500": 500, "500k": 500_000, "2.5M": 2_500_000, "1MiB/s": 1 << 20, "1G": 1e9, "10 MB/s": 1e7} {
		var got int64
		if err := (rateFlag{&got}).Set(in); err != nil || got != want {
			t.Errorf("Set(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "0", "-1", "fast", "1T", "5i", "99999999999999999999"} {
		var got int64
		if err := (rateFlag{&got}).Set(in); err == nil {
			t.Errorf("Set(%q) = %d, want an error", in, got)
		}
	}
}

func TestSummary(t *testing.T) {
	zone, err := timerange.Zone("-7")
	if err != nil {
		t.Fatal(err)
	}
	at := func(s int) clip.Time { return clip.Time{Time: time.Date(2026, 3, 14, 8, 17, 35+s, 0, time.UTC)} }
	r := &clip.Report{
		Stream:    "cam1",
		Delivered: &clip.Instants{From: at(0), To: at(780)},
		Outputs: []clip.Output{{
			Path: "cam1.mp4", Bytes: 113_548_211, DurationMs: 501_380,
			Tracks: []clip.Track{{Kind: "video", Codec: "avc1.640028", Width: 640, Height: 480}, {Kind: "audio", Codec: "mp4a.40.2"}},
		}},
		Fragments:        clip.Fragments{Listed: 251, Fetched: 251},
		GapPolicy:        clip.GapsSqueeze,
		Gaps:             []clip.Gap{{From: at(145), To: at(325), DurationMs: 180_000}},
		Seams:            []clip.Seam{{Piece: 1, VideoErrorMs: -0.04, AudioErrorMs: 0.4}},
		Pieces:           2,
		ElapsedMs:        4210,
		EstimatedCostUSD: &[2]float64{0.0009, 0.0013},
	}
	want := `cam1.mp4
  8m21.4s, 113.5 MB, avc1.640028 640x480, mp4a.40.2
  2026-03-14 01:17:35 UTC-07:00 to 2026-03-14 01:30:35 UTC-07:00
  251 of 251 fragments in 2 pieces, 4.2s
  1 gap, closed up: nothing was recorded
    2026-03-14 01:20:00 UTC-07:00 to 2026-03-14 01:23:00 UTC-07:00 (3m)
  1 seam, worst error: picture 0 ms, sound 0.4 ms
  cost about $0.00090 to $0.00130
  note: the camera's clock runs ahead
`
	if diff := cmp.Diff(want, summary(r, []string{"the camera's clock runs ahead"}, zone)); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
}

func TestWallTime(t *testing.T) {
	at := time.Date(2026, 3, 14, 8, 17, 35, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0:                      "2026-03-14 08:17:35 UTC",
		400 * time.Millisecond: "2026-03-14 08:17:35.400 UTC",
		time.Microsecond:       "2026-03-14 08:17:35 UTC",
	} {
		if got := wallTime(at.Add(d), time.UTC); got != want {
			t.Errorf("wallTime(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestCodecsText(t *testing.T) {
	for _, c := range []struct {
		codecs []string
		want   string
	}{
		{nil, "avc1.42c01e"},
		{[]string{"avc1.42c01e", "avc1.42c01e"}, "avc1.42c01e (2 configurations)"},
		{[]string{"avc1.42c01e", "avc1.42c01f"}, "avc1.42c01e then avc1.42c01f"},
		{[]string{"avc1.42c01e", "avc1.42c01f", "avc1.42c01f"}, "avc1.42c01e then avc1.42c01f (3 configurations)"},
	} {
		if got := codecsText(clip.Track{Codec: "avc1.42c01e", Codecs: c.codecs}); got != c.want {
			t.Errorf("codecsText(%q) = %q, want %q", c.codecs, got, c.want)
		}
	}
}

func TestMinutesFlag(t *testing.T) {
	for in, want := range map[string]time.Duration{"3": 3 * time.Minute, "0.5": 30 * time.Second, "1440": 24 * time.Hour} {
		var got time.Duration
		if err := (minutesFlag{&got}).Set(in); err != nil || got != want {
			t.Errorf("Set(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "0", "-1", "NaN", "1441", "3m"} {
		var got time.Duration
		if err := (minutesFlag{&got}).Set(in); err == nil {
			t.Errorf("Set(%q) = %v, want an error", in, got)
		}
	}
}

func TestStreamsText(t *testing.T) {
	now := time.Date(2026, 3, 14, 8, 0, 0, 0, time.UTC)
	all := []archive.Stream{
		{Name: "door", Status: "ACTIVE", Created: now.Add(-50*time.Hour - time.Minute), Retention: 7 * 24 * time.Hour},
		{Name: "a-long-name", Status: "CREATING", Created: now.Add(-90 * time.Second)},
	}
	want := `NAME         STATUS    RETENTION  AGE    CREATED
door         ACTIVE    7d         2d2h   2026-03-12T05:59:00Z
a-long-name  CREATING  none       1m30s  2026-03-14T07:58:30Z
`
	if diff := cmp.Diff(want, streamsText(all, now)); diff != "" {
		t.Errorf("streamsText (-want +got):\n%s", diff)
	}
}

func TestAskedClampsTheEnd(t *testing.T) {
	a := &app{now: newClock().now}
	f := rangeFlags{from: "-1h", length: "2h", tz: "UTC"}
	q, err := a.asked(f)
	if err != nil || !q.To.Equal(a.now()) || len(q.notes) != 1 {
		t.Errorf("asked = %v, %v, want an end at %v and a note", q, err, a.now())
	}
	f.clock = archive.Producer
	q, err = a.asked(f)
	if err != nil || !q.To.Equal(a.now().Add(time.Hour)) || len(q.notes) != 0 {
		t.Errorf("asked = %v, %v, want an end in the future", q, err)
	}
}
