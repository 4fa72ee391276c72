package kvsemu

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
)

// The silent limits of a clip, and the longest range that can be asked for.
const (
	clipFragments = 200
	clipBytes     = 100_000_000
	clipRange     = 24 * time.Hour
)

func (c *call) getClip() (any, error) {
	var in struct {
		which
		ClipFragmentSelector *selector
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := c.aboutActive(in.which); err != nil {
		return nil, err
	}
	if in.ClipFragmentSelector == nil {
		return nil, constraint("null", "clipFragmentSelector", "not be null")
	}
	q, err := in.ClipFragmentSelector.query("clipFragmentSelector")
	if err != nil {
		return nil, err
	}
	uploads, err := c.choose(q)
	if err != nil {
		return nil, err
	}
	if err := c.unsealed(); err != nil {
		return nil, err
	}
	movie, closing, err := c.movie(uploads)
	if err != nil {
		return nil, err
	}
	defer func() { _ = closing() }() // only read from
	if err := c.points(len(uploads), len(uploads)); err != nil {
		return nil, err
	}
	c.log.Fragments = len(uploads)
	return nil, c.send(movie)
}

// unsealed refuses a call on a stream whose key the caller may not use.
func (c *call) unsealed() error {
	if !c.stream.sealed {
		return nil
	}
	return refuse("AccessDeniedException", textDenied+" because no identity-based policy allows the kms:Decrypt action",
		c.s.caller(), "kms:Decrypt", c.stream.kms)
}

// choose returns the uploads a clip is made of, in the order of the clock that q is on.
func (c *call) choose(q query) ([]int64, error) {
	held, hours := c.s.held(c.stream, c.now)
	switch {
	case hours == 0:
		return nil, refuse("NoDataRetentionException", "The stream %s has no data retention.", c.stream.name)
	case q.B <= q.A:
		return nil, invalid("StartTimestamp must be before EndTimestamp.")
	case q.B-q.A > clipRange.Milliseconds():
		return nil, invalid("The requested time range is longer than 24 hours.")
	case !q.Producer && q.B > c.now.UnixMilli():
		return nil, invalid("End timestamp %d must be in the past.", q.B)
	}
	if err := c.retained(q, hours); err != nil {
		return nil, err
	}
	uploads := c.cap(c.collect(held, q))
	if len(uploads) == 0 {
		return nil, refuse("ResourceNotFoundException", textNoFragments)
	}
	return uploads, c.uniform(uploads)
}

// collect returns at least as many of the first uploads in q as a clip can hold, or all, without
// what is lost and duplicates: of equal producer times the oldest upload wins.
func (c *call) collect(held span, q query) []int64 {
	type candidate struct{ upload, producer int64 }
	var all []candidate
	for _, s := range c.stream.footage.pick(held, q.Producer, q.A, q.B) {
		room := 2 * c.maxFragments()
		for u := s.lo; u < s.hi && room > 0; u++ {
			if f := c.stream.footage.fragment(u); !f.Lost {
				all = append(all, candidate{u, f.Producer.UnixMilli()})
				room--
			}
		}
	}
	oldest := map[int64]bool{}
	all = slices.DeleteFunc(all, func(f candidate) bool { // spans are in order of upload
		again := oldest[f.producer]
		oldest[f.producer] = true
		return again
	})
	if q.Producer {
		slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.producer, b.producer) })
	}
	uploads := make([]int64, len(all))
	for i, f := range all {
		uploads[i] = f.upload
	}
	return uploads
}

func (c *call) maxFragments() int {
	n := cmp.Or(c.s.ClipFragments, clipFragments)
	if c.fault.Fragments > 0 {
		n = min(n, c.fault.Fragments)
	}
	return n
}

// cap ends a clip where the service does, without a word. The first fragment is always in it.
func (c *call) cap(uploads []int64) []int64 {
	left := cmp.Or(c.s.ClipBytes, clipBytes)
	for i, u := range uploads {
		left -= c.stream.footage.fragment(u).Size
		if i > 0 && left < 0 || i == c.maxFragments() {
			return uploads[:i]
		}
	}
	return uploads
}

// uniform refuses what cannot be in one clip (video-playback-requirements).
func (c *call) uniform(uploads []int64) error {
	video, audio, err := c.stream.footage.configs(uploads[0])
	if err != nil {
		return err
	}
	if !playable(video, audio) {
		return refuse("UnsupportedStreamMediaTypeException", textMedia)
	}
	for _, u := range uploads[1:] {
		v, a, err := c.stream.footage.configs(u)
		if err != nil {
			return err
		}
		if !v.Same(video) || !a.Same(audio) {
			return refuse(cmp.Or(c.s.ChangeCode, "InvalidCodecPrivateDataException"),
				"The codec private data or the tracks of fragment %s differ from those of the first fragment.", c.stream.footage.fragment(u).Number)
		}
	}
	return nil
}

// playable is the table of codecs that GetClip takes.
func playable(video, audio media.Config) bool {
	switch video.Format {
	case "avc1", "avc3":
		return audio.Format == "" || audio.Format == "mp4a" || audio.Format == "alaw"
	case "hvc1", "hev1":
		return audio.Format == "" || audio.Format == "mp4a"
	}
	return false
}

// send lays the movie out and writes it.
func (c *call) send(m *media.Movie) error {
	l := c.s.Clip
	f, err := mp4.Lay(m, mp4.Options{MoovLast: l.MoovLast, Force64: l.Large64, CTTSVersion1: l.CTTS == 1, Created: c.now})
	if err != nil {
		return err
	}
	c.mishap(f.Size())
	c.w.Header().Set("Content-Type", "video/mp4")
	if !l.Chunked {
		c.w.Header().Set("Content-Length", strconv.FormatInt(f.Size(), 10))
	}
	c.w.WriteHeader(http.StatusOK)
	if l.Chunked {
		if err := http.NewResponseController(c.w.ResponseWriter).Flush(); err != nil {
			return err
		}
	}
	_, err = f.WriteTo(c.w)
	return err
}

// mishap decides whether and where the body of size bytes breaks off or stalls by chance.
func (c *call) mishap(size int64) {
	at := 1 + int64(share(chance(c.hit, 5))*float64(size-1))
	if share(chance(c.hit, 6)) < c.s.CutRate {
		c.fault.CutAfter = at
	}
	if share(chance(c.hit, 7)) < c.s.StallRate {
		c.fault.StallAfter, c.fault.StallFor, c.fault.Stall = at, c.s.StallFor, c.s.StallFor == 0
	}
}
