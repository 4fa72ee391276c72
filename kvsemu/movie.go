package kvsemu

import (
	"cmp"
	"slices"

	"github.com/kvsclip/kvsclip/internal/media"
)

// millisecond is the timescale of clips and of all their tracks.
const millisecond = 1000

// movie makes the clip of uploads. The caller closes its source.
func (c *call) movie(uploads []int64) (*media.Movie, func() error, error) {
	video, audio, err := c.stream.footage.configs(uploads[0])
	if err != nil {
		return nil, nil, err
	}
	strip, err := c.stream.footage.clip(uploads)
	if err != nil {
		return nil, nil, err
	}
	e := &editor{layout: c.s.Clip}
	e.video = &media.Track{ID: 1, Kind: media.Video, Handler: "USP Video Handler", Configs: []media.Config{e.entry(video)}}
	e.audio = &media.Track{ID: 2, Kind: media.Audio, Handler: "USP Sound Handler", Configs: []media.Config{e.entry(audio)}}
	for k, shot := range strip.shots {
		e.add(shot, k > 0 && uploads[k] == uploads[k-1]+1 && !shot.opens)
	}
	m := e.movie()
	m.Sources = []media.Source{strip.source}
	return m, strip.closing, nil
}

// editor puts fragments one behind the other.
type editor struct {
	layout       Layout
	video, audio *media.Track
	any          bool // there is a fragment before

	begin int64 // producer time of the fragment before
	at    int64 // where it begins in the clip
	shown int64 // when its last picture is shown, after its begin
	frame int64 // how long that picture lasts
	lead  int64 // how much later than the first picture the sound begins
}

// entry adjusts a sample entry; writing makes the box anew.
func (e *editor) entry(c media.Config) media.Config {
	if c.Format == "hvc1" || c.Format == "hev1" {
		c.Format, c.Entry = cmp.Or(e.layout.HEVCTag, "hvc1"), nil
	}
	return c
}

// add appends a fragment. Next says that nothing is missing before it.
func (e *editor) add(f shot, next bool) {
	if e.any {
		step := f.begin - e.begin
		if gap := step > e.shown+2*e.frame; step <= e.shown || gap && !next && !e.layout.KeepGaps {
			step = e.shown + e.frame
		}
		e.at += step
	}
	e.begin, e.any = f.begin, true
	e.pictures(f)
	e.sound(f)
}

// pictures appends samples in decode order. Matroska, in which they were sent, tells when each is
// shown but not when it is decoded: those times are the same, sorted.
func (e *editor) pictures(f shot) {
	shown := make([]int64, len(f.video))
	for k, s := range f.video {
		shown[k] = s.at
	}
	slices.Sort(shown)
	for k, s := range f.video {
		e.video.Samples = append(e.video.Samples, media.Sample{
			Offset: f.base + s.off, Size: s.size, Sync: s.sync,
			Time: e.at + shown[k], Shift: int32(s.at - shown[k]),
		})
	}
	e.shown = shown[len(shown)-1]
	if n := len(shown); n > 1 {
		e.frame = shown[n-1] - shown[n-2]
	} else {
		e.frame = max(1, f.frame)
	}
}

// sound appends audio samples.
func (e *editor) sound(f shot) {
	for _, s := range f.audio {
		at := e.at + s.at
		if n := len(e.audio.Samples); n == 0 {
			e.lead = at
		} else {
			at = max(at, e.lead+e.audio.Samples[n-1].Time+1)
		}
		e.audio.Samples = append(e.audio.Samples, media.Sample{Offset: f.base + s.off, Size: s.size, Sync: true, Time: at - e.lead})
	}
}

// movie finishes the tracks.
func (e *editor) movie() *media.Movie {
	m := &media.Movie{Timescale: millisecond}
	for _, t := range []*media.Track{e.video, e.audio} {
		n := len(t.Samples)
		if n == 0 {
			continue
		}
		t.Timescale, t.Language = millisecond, "eng"
		length := e.frame
		if n > 1 {
			length = t.Samples[n-1].Time - t.Samples[n-2].Time
		} else if t.Kind == media.Audio {
			length = 20
		}
		t.End = t.Samples[n-1].Time + length
		m.Tracks = append(m.Tracks, t)
	}
	e.delay()
	e.edits()
	return m
}

// delay makes composition offsets non-negative, as version 0 of ctts needs them.
func (e *editor) delay() {
	if e.layout.CTTS == 1 {
		return
	}
	least := int32(0)
	for _, s := range e.video.Samples {
		least = min(least, s.Shift)
	}
	for k := range e.video.Samples {
		e.video.Samples[k].Shift -= least
	}
}

// edits writes edit lists, if the layout has them.
func (e *editor) edits() {
	if !e.layout.EditList {
		return
	}
	first, _ := e.video.FirstComposition()
	e.video.Edits = []media.Edit{{Duration: e.video.End, Media: first}}
	if e.lead > 0 {
		e.audio.Edits = append(e.audio.Edits, media.Edit{Duration: e.lead, Media: -1})
	}
	e.audio.Edits = append(e.audio.Edits, media.Edit{Duration: e.audio.End})
}
