package kvsemu

import (
	"fmt"
	"math"
	"slices"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
)

// scale is the TimestampScale of what cameras send, the usual one: nanoseconds of a millisecond.
const scale = 1_000_000

// document implements footage: it makes what a camera would have sent, with its producer time as
// the cluster's timecode. That is right for both types of timecode, as producer times of a relative
// camera count from the start of the session.
func (r *recording) document(u int64) (head, cluster []byte, err error) {
	run, i := r.find(u)
	tracks, err := tracksOf(run.configs())
	if err != nil {
		return nil, nil, err
	}
	cluster, err = run.cluster(run.skip+i, r.origin(run), r.producer(u))
	head = mkv.AppendHeader(nil, scale, tracks)
	return mkv.AppendTags(head, r.tagged(u)), cluster, err
}

// tracksOf describes tracks in Matroska: pictures are track 1, sound is the one behind it.
func tracksOf(video, audio media.Config) (tracks []mkv.Track, err error) {
	for kind, config := range map[media.Kind]media.Config{media.Video: video, media.Audio: audio} {
		if none(config) {
			continue
		}
		t, err := mkv.TrackOf(config, kind, numberOf(kind))
		if err != nil {
			return nil, err
		}
		tracks = append(tracks, t)
	}
	slices.SortFunc(tracks, func(a, b mkv.Track) int { return int(a.Number) - int(b.Number) })
	return tracks, nil
}

// none says whether a configuration is that of a track there is not.
func none(c media.Config) bool { return c.Format == "" && c.CodecID == "" }

// numberOf returns the track number that a camera gives to a kind.
func numberOf(k media.Kind) uint64 {
	if k == media.Video {
		return 1
	}
	return 2
}

// cluster makes fragment i: a cluster of SimpleBlocks in decode order with composition times, sound
// and picture interleaved.
func (n *run) cluster(i, origin, timecode int64) ([]byte, error) {
	g, err := n.samples(i, origin)
	if err != nil {
		return nil, err
	}
	source, closing, err := n.source([]cut{{material: n.material, i: i, origin: origin}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = closing() }() // only read from
	out := mkv.AppendCluster(nil, timecode)
	for _, b := range g.blocks() {
		if b.at < math.MinInt16 || b.at > math.MaxInt16 {
			return nil, fmt.Errorf("a picture %d ms after the begin of its fragment cannot be told in Matroska: expected up to 32767", b.at)
		}
		out = mkv.AppendBlock(out, numberOf(b.kind), int16(b.at), b.sync, int64(b.size))
		at := len(out)
		out = append(out, make([]byte, b.size)...)
		if _, err := source.ReadAt(out[at:], b.off); err != nil {
			return nil, fmt.Errorf("reading %d bytes of footage: %w", b.size, err)
		}
	}
	return out, nil
}

// block is a sample on its way into a cluster.
type block struct {
	sample
	kind media.Kind
}

// blocks orders the samples by when they are decoded, pictures before sound of the same time.
func (g group) blocks() []block {
	decoded := make([]int64, len(g.video))
	for k, s := range g.video {
		decoded[k] = s.at
	}
	slices.Sort(decoded)
	out := make([]block, 0, len(g.video)+len(g.audio))
	sound := g.audio
	for k, s := range g.video {
		for k > 0 && len(sound) > 0 && sound[0].at < decoded[k] {
			out, sound = append(out, block{sound[0], media.Audio}), sound[1:]
		}
		out = append(out, block{s, media.Video})
	}
	for _, s := range sound {
		out = append(out, block{s, media.Audio})
	}
	return out
}
