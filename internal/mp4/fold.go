package mp4

import (
	"github.com/kvsclip/kvsclip/internal/media"
)

const (
	// foldSamples is how many PCM samples of G.711 make one media.Sample: as many as ffmpeg puts in
	// a packet.
	foldSamples = 1024
	// maxFrame is the most bytes a PCM sample of all channels may have to be folded.
	maxFrame = 4
)

// foldable says whether the samples of t are single PCM samples of G.711. QuickTime counts those,
// so an hour of telephone sound has 28.8 million samples of one byte.
func foldable(t *media.Track, tab *tables) bool {
	if t.Kind != media.Audio || tab.uniform == 0 || tab.uniform > maxFrame || tab.ctts != nil {
		return false
	}
	for _, c := range t.Configs {
		if !isG711(c.Format) || c.Channels > maxFrame {
			return false
		}
	}
	return true
}

// fold fills t.Samples with blocks of up to foldSamples PCM samples that never cross a chunk, and
// t.End. No byte moves: a block is where its PCM samples were.
func (p *trackReader) fold(t *media.Track, tab *tables) error {
	c, least, done := clock{stts: tab.stts}, int64(0), 0
	return tab.eachChunk(len(t.Configs), func(offset uint64, n int, entry uint16) error {
		frame := uint64(frameBytes(tab.uniform, t.Configs[entry]))
		for n > 0 {
			take := min(n, foldSamples)
			size := uint64(take) * frame
			if err := p.inside(done, offset, size); err != nil {
				return err
			}
			if len(t.Samples) == p.left {
				return unsupported("%d blocks of samples: at most %d are read", len(t.Samples), maxSamples)
			}
			at := max(c.now, least)
			t.Samples = append(t.Samples, media.Sample{
				Offset: int64(offset), Size: uint32(size), Config: entry,
				Time: at, Shift: int32(c.now - at), Sync: true,
			})
			if !c.advance(take) {
				return malformed("stts: fewer than %d samples, stsz counts %d", done+take, tab.count)
			}
			if c.now > maxTicks {
				return unsupported("sample %d: decode time %d ticks", done+take, c.now)
			}
			least, t.End = at+1, max(c.now, at+1)
			offset += size
			n -= take
			done += take
		}
		return nil
	})
}

// frameBytes is the size of one PCM sample of all channels. Old QuickTime files say 1 in stsz
// whatever the channels are.
func frameBytes(uniform uint32, c media.Config) uint32 {
	return max(uniform, uint32(c.Channels))
}

// isG711 says whether samples of a format are A-law or mu-law bytes.
func isG711(format string) bool {
	return format == "alaw" || format == "ulaw"
}
