package splice_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/splice"
	"pgregory.net/rapid"
)

// after says that nothing was recorded for so long before the piece.
func after(hole time.Duration, p splice.Piece) splice.Piece {
	p.Hole = hole
	return p
}

// arrived moves a piece's server times.
func arrived(late time.Duration, p splice.Piece) splice.Piece {
	for i := range p.Fragments {
		p.Fragments[i].Server = p.Fragments[i].Server.Add(late)
	}
	return p
}

// late says that the piece's first picture was taken so long after its first fragment began.
func late(by time.Duration, p splice.Piece) splice.Piece {
	p.Taken = p.Fragments[0].Producer.Add(by)
	return p
}

func TestKeptHoles(t *testing.T) {
	type seam = splice.Seam
	for name, c := range map[string]struct {
		clock  archive.Clock
		pieces []splice.Piece
		want   []seam
	}{
		"by producer time": {
			archive.Producer,
			[]splice.Piece{piece(0, video(25)), after(4*s, piece(5003*ms, video(25))), piece(6001*ms, video(25))},
			[]seam{{Position: 5003 * ms, Action: splice.ActionHeld}, {Position: 6001 * ms, Action: splice.ActionJoin}},
		},
		"arrival jitters": {
			archive.Server,
			[]splice.Piece{piece(0, video(25)), after(4*s, arrived(2*s, piece(5003*ms, video(25))))},
			[]seam{{Position: 5003 * ms, Action: splice.ActionHeld}},
		},
		"the producer's clock was set": {
			archive.Server,
			[]splice.Piece{piece(0, video(25)), after(4*s, arrived(2001*ms, piece(5003*ms, video(25)))), arrived(2001*ms, piece(6001*ms, video(25)))},
			[]seam{{Position: 7004 * ms, Action: splice.ActionHeld}, {Position: 8002 * ms, Action: splice.ActionJoin}},
		},
		"the producer's clock was set back by an hour": {
			archive.Server,
			[]splice.Piece{piece(0, video(25)), after(4*s, arrived(time.Hour, piece(-time.Hour+5*s, video(25))))},
			[]seam{{Position: 5 * s, Action: splice.ActionHeld}},
		},
		"sound comes before the picture behind the hole": {
			archive.Producer,
			[]splice.Piece{piece(0, video(25)), after(4*s, late(120*ms, piece(5003*ms, video(25)))), piece(6121*ms, video(25))},
			[]seam{{Position: 5123 * ms, Action: splice.ActionHeld}, {Position: 6121 * ms, Action: splice.ActionJoin}},
		},
		"sound comes before the first picture": {
			archive.Server,
			[]splice.Piece{late(120*ms, piece(0, video(25))), after(4*s, piece(5003*ms, video(25)))},
			[]seam{{Position: 4883 * ms, Action: splice.ActionHeld}},
		},
		"sound comes before the picture, and the producer's clock was set": {
			archive.Server,
			[]splice.Piece{late(80*ms, piece(0, video(25))), after(4*s, arrived(time.Hour, late(120*ms, piece(-time.Hour+5*s, video(25)))))},
			[]seam{{Position: 5040 * ms, Action: splice.ActionHeld}},
		},
		"from the first piece, whatever lies between": {
			archive.Producer,
			[]splice.Piece{piece(0, video(25)), piece(1200*ms, video(25)), after(2*s, piece(5*s, video(30))), piece(5900*ms, video(25)), after(2*s, piece(10*s, video(25)))},
			[]seam{
				{Position: 1200 * ms, Action: splice.ActionJoin},
				{Position: 5 * s, Action: splice.ActionHeld},
				{Position: 6200 * ms, VideoError: 300 * ms, Action: splice.ActionBack},
				{Position: 10 * s, Action: splice.ActionHeld},
			},
		},
		"pictures that last into the hole": {
			archive.Producer,
			[]splice.Piece{piece(0, video(50)), after(s, piece(1800*ms, video(25)))},
			[]seam{{Position: 2 * s, VideoError: 200 * ms, Action: splice.ActionHeld}},
		},
		"without times": {
			archive.Producer,
			[]splice.Piece{file(video(25)), after(3*s, file(video(25)))},
			[]seam{{Position: 4 * s, Action: splice.ActionHeld}},
		},
		"a session of its own, without a hole": {
			archive.Producer,
			[]splice.Piece{piece(0, video(25)), after(0, piece(1500*ms, video(25)))},
			[]seam{{Position: 1500 * ms, Action: splice.ActionJoin}},
		},
		"B-frames": {
			archive.Producer,
			[]splice.Piece{piece(0, reordered(24, 40)), after(4*s, piece(5003*ms, reordered(24, 40)))},
			[]seam{{Position: 5003 * ms, Action: splice.ActionHeld}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			j := join(t, c.pieces, splice.Options{Clock: c.clock, Keep: true, Wall: c.clock})
			diff(t, "Join: seams", c.want, seams(j))
			for i, sm := range j.Seams {
				before := last(shots(t, j.Movie, i, media.Video))
				if at := first(shots(t, j.Movie, i+1, media.Video)); math.Abs(at-sm.Position.Seconds()) > eps || math.Abs(before.until-at) > eps {
					t.Errorf("seam %d: the picture is at %f s, Position says %v; the one before is shown until %f s", i+1, at, sm.Position, before.until)
				}
			}
			if len(j.Movie.Chapters) > 0 {
				t.Errorf("%d chapters, want none", len(j.Movie.Chapters))
			}
		})
	}
}

// last is the shot that is presented last.
func last(shots []shot) shot {
	return slices.MaxFunc(shots, func(a, b shot) int { return int(math.Copysign(1, a.at-b.at)) })
}

// A sample lasts at most 2^31-1 ticks. A hole that needs more is refused before anything is written.
func TestLongestHole(t *testing.T) {
	day := func(extra time.Duration, scale uint32) []splice.Piece {
		longest := time.Duration(media.Rescale(math.MaxInt32, scale, uint32(s))) + 960*ms
		at := (longest + extra).Truncate(ms)
		return []splice.Piece{piece(0, regular(media.Video, scale, avc, 25, 1, 25)), after(at-s, piece(at, regular(media.Video, scale, avc, 25, 1, 25)))}
	}
	for _, scale := range []uint32{1000, 90000} {
		o := splice.Options{Keep: true}
		j := join(t, day(0, scale), o)
		if d := j.Movie.Tracks[0].Duration(24); d > math.MaxInt32 || d < math.MaxInt32-int64(scale)/1000 {
			t.Errorf("1/%d s: the last picture lasts %d ticks, want %d", scale, d, math.MaxInt32)
		}
		_, err := splice.Join(day(ms, scale), o)
		if !errors.Is(err, splice.ErrCannotJoin) || !strings.Contains(err.Error(), "would have to last") {
			t.Errorf("1/%d s, a millisecond more: %v, want ErrCannotJoin", scale, err)
		}
		o.Keep = false
		join(t, day(ms, scale), o)
	}
}

// A hole that is too long to be filled block by block has as many as keep any of them from lasting
// longer than players believe.
func TestSoundOverAVeryLongHole(t *testing.T) {
	const hole = 500 * time.Hour
	speak := func() *media.Track { return with(sound(47), mono) }
	j := join(t, []splice.Piece{piece(0, video(25), speak()), after(hole-s, piece(hole, video(25), speak()))}, splice.Options{Keep: true})
	a := j.Movie.Find(media.Audio)
	for i := range a.Samples {
		if d := a.Duration(i); d > math.MaxInt32 {
			t.Errorf("block %d of %d lasts %d ticks", i, len(a.Samples), d)
		}
	}
	if n := len(a.Samples) - 2*47; n < 10 || n > 200 {
		t.Errorf("%d blocks of silence, want some", n)
	}
}

var (
	mono = media.Config{Format: "mp4a", Private: []byte{0x11, 0x88}, Channels: 2, SampleRate: 48000} // as ffmpeg counts
	ulaw = media.Config{Format: "ulaw", Channels: 2, SampleRate: 8000}
)

// quiet are the samples of silence in a track, with their bytes.
func quiet(t failer, j *splice.Joined, n int) (shots []shot, block []byte) {
	t.Helper()
	for _, sh := range play(t, j.Movie, j.Movie.Find(media.Audio)) {
		if int(sh.Source) < n {
			continue
		}
		b := make([]byte, sh.Size)
		if _, err := j.Movie.Sources[sh.Source].ReadAt(b, sh.Offset); err != nil {
			t.Fatalf("reading silence: %v", err)
		}
		if block == nil {
			block = b
		}
		if string(b) != string(block) {
			t.Fatalf("silence is %x, then %x", block, b)
		}
		shots = append(shots, sh)
	}
	return shots, block
}

// Sound goes on in silence up to where it starts again, in blocks as long as its own, and starts
// in its place. What no silence is known for is left out.
func TestSilence(t *testing.T) {
	blocks := func(c media.Config, n int) *media.Track {
		tr := with(sound(n), c)
		return tr
	}
	law := func(c media.Config, bytes uint32) *media.Track {
		tr := regular(media.Audio, 8000, c, 50, 160, 8000)
		for i := range tr.Samples {
			tr.Samples[i].Size = bytes
		}
		return tr
	}
	odd := func(private ...byte) media.Config {
		return media.Config{Format: "mp4a", Private: private, Channels: 2, SampleRate: 48000}
	}
	for name, c := range map[string]struct {
		sound func() *media.Track
		lasts float64 // a block, in seconds; 0 for none
		block string
	}{
		"AAC, stereo":           {func() *media.Track { return sound(47) }, block, "\x21\x00\x00\x00\x00\x1c"},
		"AAC, mono":             {func() *media.Track { return blocks(mono, 47) }, block, "\x00\x00\x00\x07"},
		"AAC, in milliseconds":  {func() *media.Track { return regular(media.Audio, 1000, aac, 47, 1024, 48000) }, block, "\x21\x00\x00\x00\x00\x1c"},
		"AAC, mark, but no SBR": {func() *media.Track { return blocks(odd(0x11, 0x90, 0x56, 0xe5, 0x00), 47) }, block, "\x21\x00\x00\x00\x00\x1c"},
		"AAC, rate written out": {func() *media.Track { return blocks(odd(0x17, 0x80, 0x5d, 0xc0, 0x10), 47) }, block, "\x21\x00\x00\x00\x00\x1c"},
		"A-law":                 {func() *media.Track { return law(alaw, 160) }, 0.02, strings.Repeat("\xd5", 160)},
		"mu-law, stereo":        {func() *media.Track { return law(ulaw, 320) }, 0.02, strings.Repeat("\xff", 320)},
		"mu-law, odd bytes":     {func() *media.Track { return law(ulaw, 321) }, 0, ""},
		"A-law, no bytes":       {func() *media.Track { return law(alaw, 0) }, 0, ""},
		"A-law, far too long":   {func() *media.Track { return law(alaw, 1<<16+1) }, 0, ""},
		"A-law, less than a tick": {func() *media.Track {
			tr := regular(media.Audio, 1000, alaw, 50, 160, 8000)
			for i := range tr.Samples {
				tr.Samples[i].Size = 7
			}
			return tr
		}, 0, ""},
		"HE-AAC":                 {func() *media.Track { return blocks(odd(0x29, 0x90, 0x88), 47) }, 0, ""},
		"HE-AAC, in the back":    {func() *media.Track { return blocks(odd(0x13, 0x10, 0x56, 0xe5, 0x98), 47) }, 0, ""},
		"HE-AAC, not told":       {func() *media.Track { return blocks(odd(0x13, 0x10), 47) }, 0, ""}, // 24 kHz, and 48 in the entry
		"AAC, 960 samples":       {func() *media.Track { return blocks(odd(0x11, 0x94), 47) }, 0, ""},
		"AAC, with a core coder": {func() *media.Track { return blocks(odd(0x11, 0x92), 47) }, 0, ""},
		"AAC, extended":          {func() *media.Track { return blocks(odd(0x11, 0x91), 47) }, 0, ""},
		"AAC, six channels":      {func() *media.Track { return blocks(odd(0x11, 0xb0), 47) }, 0, ""},
		"AAC, no configuration":  {func() *media.Track { return blocks(odd(), 47) }, 0, ""},
		"AAC, half of one":       {func() *media.Track { return blocks(odd(0x11), 47) }, 0, ""},
		"AAC, a reserved rate":   {func() *media.Track { return blocks(odd(0x16, 0x90), 47) }, 0, ""},
		"Opus":                   {func() *media.Track { return regular(media.Audio, 48000, opus, 50, 1, 50) }, 0.02, "\xf8\xff\xfe"},
		"Opus, six channels":     {func() *media.Track { return blocks(media.Config{Format: "Opus", Channels: 6, SampleRate: 48000}, 47) }, 0, ""},
		"another codec":          {func() *media.Track { return blocks(linear, 47) }, 0, ""},
		"another codec, no rate": {func() *media.Track { return blocks(media.Config{Format: "alaw"}, 47) }, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			pieces := []splice.Piece{
				piece(0, video(25), c.sound()),
				after(4*s, piece(5003*ms, video(25), c.sound())),
				piece(6003*ms, video(25), c.sound()),
				after(30*s, piece(37*s, video(25), c.sound())),
			}
			j := join(t, pieces, splice.Options{Clock: archive.Producer, Keep: true})
			for i, p := range pieces {
				if got := apart(t, i, p, j); math.Abs(got) > block/2+eps || p.Hole > 0 && math.Abs(got) > eps {
					t.Errorf("piece %d: sound is %.3f ms late", i, 1000*got)
				}
			}
			shots, bytes := quiet(t, j, len(pieces))
			if string(bytes) != c.block {
				t.Errorf("a block of silence is %x, want %x", bytes, c.block)
			}
			if c.lasts == 0 {
				if len(shots) > 0 {
					t.Errorf("%d blocks of silence, want none", len(shots))
				}
				return
			}
			want := int(math.Round((5.003-1)/c.lasts) + math.Round((37-7.003)/c.lasts))
			if d := len(shots) - want; d < -2 || d > 2 {
				t.Errorf("%d blocks of silence, want about %d", len(shots), want)
			}
			everyBlockOnTime(t, j, c.lasts)
		})
	}
}

// everyBlockOnTime checks that blocks of sound come one every so often, in seconds, to half a block.
func everyBlockOnTime(t failer, j *splice.Joined, each float64) {
	t.Helper()
	shots := play(t, j.Movie, j.Movie.Find(media.Audio))
	for i := 1; i < len(shots); i++ {
		if d := shots[i].at - shots[i-1].at; d < each/2-0.002 || d > 1.5*each+0.002 {
			t.Fatalf("block %d comes %.3f ms after the one before, want %.3f", i, 1000*d, 1000*each)
		}
	}
}

// Silence also fills what pieces without sound leave empty, if holes are kept; the pictures tell.
func TestSilenceForPiecesWithoutSound(t *testing.T) {
	pieces := []splice.Piece{piece(0, video(25), sound(47)), piece(s, video(25)), piece(2*s, video(25)), piece(3*s, video(25), sound(47))}
	j := join(t, pieces, splice.Options{Keep: true})
	everyBlockOnTime(t, j, block)
	if n := len(j.Movie.Tracks[1].Samples); n != 47+94+47 {
		t.Errorf("%d blocks of sound, want 188", n)
	}
	if j := join(t, pieces, splice.Options{}); len(j.Movie.Sources) != 4 || len(j.Movie.Tracks[1].Samples) != 94 {
		t.Errorf("holes closed up: %d sources, %d blocks of sound; want 4 and 94", len(j.Movie.Sources), len(j.Movie.Tracks[1].Samples))
	}
}

// A hole of more blocks than there may be is in the times only. What comes later is filled again.
func TestMostSilence(t *testing.T) {
	millis := func() *media.Track { return regular(media.Audio, 1000, aac, 47, 1024, 48000) } // 2^31 of them are 24 days
	long := s + 4_000_001*1024*s/48000
	pieces := []splice.Piece{piece(0, video(25), millis()), after(long, piece(long, video(25), millis())), after(s, piece(long+2*s, video(25), millis()))}
	j := join(t, pieces, splice.Options{Clock: archive.Producer, Keep: true})
	if shots, _ := quiet(t, j, 3); len(shots) != 47 {
		t.Errorf("%d blocks of silence, want 47 for the hole of a second", len(shots))
	}
	if got := apart(t, 1, pieces[1], j); math.Abs(got) > eps {
		t.Errorf("sound is %f s late", got)
	}
}

// With as many pieces as there can be, one kind of silence can be named; a hole that needs another
// is in the times only.
func TestSilenceBehindMostPieces(t *testing.T) {
	pieces := slices.Repeat([]splice.Piece{file(video(1), sound(2))}, splice.MaxPieces-3)
	for _, c := range []media.Config{aac, mono, aac} {
		pieces = append(pieces, after(s, file(video(1), with(sound(2), c))))
	}
	j, err := splice.Join(pieces, splice.Options{Keep: true})
	if err != nil {
		t.Fatal(err)
	}
	shots, _ := quiet(t, j, len(pieces))
	if n := len(j.Movie.Sources); n != splice.MaxPieces+1 || len(shots) < 90 || len(shots) > 96 {
		t.Errorf("%d sources, %d blocks of silence; want %d, and two seconds of blocks", n, len(shots), splice.MaxPieces+1)
	}
}

// Whatever the pieces, and whichever holes are kept: each sample once, in order; pictures after a
// hole at their time on the wall if the ones before leave room; sound in its place behind it.
func TestKeepProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := recording(t)
		for i := range pieces {
			if rapid.IntRange(0, 11).Draw(t, "hole") == 0 {
				pieces[i].Hole = s
				jitter := time.Duration(rapid.IntRange(0, 4000).Draw(t, "jitter")) * ms
				pieces[i] = arrived(jitter, pieces[i])
			}
		}
		clock := rapid.SampledFrom([]archive.Clock{archive.Server, archive.Producer}).Draw(t, "clock")
		wall := rapid.SampledFrom([]archive.Clock{archive.Server, archive.Producer}).Draw(t, "wall")
		j := join(t, pieces, splice.Options{Clock: clock, Keep: true, Wall: wall})
		origin := first(shots(t, j.Movie, 0, media.Video))
		for i := 1; i < len(pieces); i++ {
			p, at := pieces[i], first(shots(t, j.Movie, i, media.Video))-origin
			if p.Hole == 0 {
				continue
			}
			if want := onTheWall(pieces, i, wall); !math.IsNaN(want) && at < want-1e-4 {
				t.Fatalf("piece %d: its picture is at %f s, want %f at least", i, at, want)
			} else if sm := j.Seams[i-1]; sm.Action != splice.ActionHeld || !math.IsNaN(want) && math.Abs(sm.VideoError.Seconds()-(at-want)) > 1e-4 {
				t.Fatalf("piece %d: picture at %f s, want %f; its seam says %+v", i, at, want, sm)
			} else if end := endOf(shots(t, j.Movie, i-1, media.Video), pieces[i-1]) - origin; sm.VideoError > ms && at > end+1e-4 {
				t.Fatalf("piece %d: picture at %f s, late by %v, and there is room from %f s on", i, at, sm.VideoError, end)
			}
		}
	})
}

// onTheWall is when the picture of piece i is due after the movie's first; not a number without
// times.
func onTheWall(pieces []splice.Piece, i int, wall archive.Clock) float64 {
	a, b := pieces[0].Fragments, pieces[i].Fragments
	if a == nil || b == nil {
		return math.NaN()
	}
	taken := b[0].Producer.Sub(a[0].Producer).Seconds()
	if asked := b[0].Start(wall).Sub(a[0].Start(wall)).Seconds(); math.Abs(asked-taken) > 2 {
		return asked
	}
	return taken
}

// endOf is where the pictures of a piece end by their decode durations, or just behind the last.
func endOf(vs []shot, p splice.Piece) float64 {
	v := p.Movie.Find(media.Video)
	decoded := float64(v.End-v.Samples[0].Time) / float64(v.Timescale)
	return max(first(vs)+decoded, last(vs).at+1/float64(v.Timescale))
}
