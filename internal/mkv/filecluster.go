package mkv

import (
	"math"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Where clusters end. They begin at pictures where decoding can start, unless those are close
// together or far apart.
const (
	shortCluster   = int64(500 * time.Millisecond)
	longCluster    = int64(5 * time.Second)
	largeCluster   = 5_000_000 // bytes
	clusterReach   = 30_000    // ticks between its blocks: their times have 16 bits
	clusterNumbers = 8         // bytes of size and time: known sizes, the same for all
)

// laidCluster is one cluster of a file.
type laidCluster struct {
	time   int64 // of its earliest block, in ticks
	size   int64 // bytes of its contents
	blocks int
}

// clusterHead is how many bytes of a cluster lie before its first block, its ID and size included.
const clusterHead = 4 + clusterNumbers + clusterTime

// clusterTime is how many bytes the element of its time has.
const clusterTime = 1 + 1 + clusterNumbers

// cue is a place to seek to: a cluster, by its first block.
type cue struct {
	time    int64 // ticks
	track   uint64
	cluster int
}

// walk gives the blocks of all tracks in the order in which they are written.
type walk struct {
	tracks []*laidTrack
	next   []int   // sample of each track
	turns  []int64 // its turn
}

func (f *File) walk() *walk {
	w := &walk{tracks: f.tracks, next: make([]int, len(f.tracks)), turns: make([]int64, len(f.tracks))}
	for n, t := range f.tracks {
		w.next[n] = t.first - 1
		w.advance(n)
	}
	return w
}

// advance goes to the next sample of track n that becomes a block: texts that are empty do not.
func (w *walk) advance(n int) {
	t := w.tracks[n]
	for w.next[n]++; w.next[n] < len(t.Samples); w.next[n]++ {
		if t.texts == nil || t.texts[w.next[n]] > 0 {
			w.turns[n] = t.turn(w.next[n])
			return
		}
	}
	w.turns[n] = math.MaxInt64
}

// block returns track and sample of the next block, and nil after the last. Where two have the same
// turn the picture comes first, so that a cluster begins with it.
func (w *walk) block() (*laidTrack, int) {
	least := -1
	for n, t := range w.tracks {
		if w.next[n] < len(t.Samples) && (least < 0 || w.turns[n] < w.turns[least] ||
			w.turns[n] == w.turns[least] && t.Kind == media.Video && w.tracks[least].Kind != media.Video) {
			least = n
		}
	}
	if least < 0 {
		return nil, 0
	}
	i := w.next[least]
	w.advance(least)
	return w.tracks[least], i
}

// cluster cuts the blocks into clusters.
func (f *File) cluster() {
	lead := f.lead()
	var c laidCluster
	var last, begun int64 // of the cluster: its latest block in ticks; the turn of its first
	next := int64(math.MinInt64)
	w := f.walk()
	for t, i := w.block(); t != nil; t, i = w.block() {
		at, turn, size := f.ticks(t, i), t.turn(i), t.blockSize(f, i)
		seekable := t == lead && t.key(i)
		if c.blocks == 0 || seekable && t.Kind == media.Video && turn >= next || turn-begun >= longCluster ||
			c.size+size > largeCluster || max(last, at)-min(c.time, at) > clusterReach {
			f.add(c)
			c, last, begun = laidCluster{time: at, size: clusterTime}, at, turn
			if seekable {
				f.cues = append(f.cues, cue{at, t.entry.Number, len(f.clusters)})
				next = turn + shortCluster
			}
		}
		c.size += size
		c.time, last = min(c.time, at), max(last, at)
		c.blocks++
	}
	f.add(c)
}

// add adds a cluster that has blocks.
func (f *File) add(c laidCluster) {
	if c.blocks > 0 {
		f.clusters = append(f.clusters, c)
		f.body += clusterHead - clusterTime + c.size
	}
}

// lead returns the track by which people seek: pictures, else sound, else whatever there is.
func (f *File) lead() *laidTrack {
	for _, k := range []media.Kind{media.Video, media.Audio, media.Text} {
		for _, t := range f.tracks {
			if t.Kind == k && len(t.Samples) > 0 {
				return t
			}
		}
	}
	return nil
}

// blockSize is how many bytes the block of sample i has, with all around it.
func (l *laidTrack) blockSize(f *File, i int) int64 {
	_, size := l.payload(i)
	var head, tail [32]byte
	return int64(len(l.blockHead(head[:0], f, i, 0))+len(l.front(i))+len(l.blockTail(tail[:0], f, i))) + size
}

// blockHead appends what comes before the payload of sample i: a SimpleBlock, or for text a Block in
// a group that tells how long it is shown.
func (l *laidTrack) blockHead(dst []byte, f *File, i int, rel int16) []byte {
	_, size := l.payload(i)
	content := uint64(int64(blockHead(l.entry.Number)) + int64(len(l.front(i))) + size)
	if l.Kind != media.Text {
		flags := byte(0)
		if l.key(i) {
			flags = flagKey
		}
		dst = appendSize(appendID(dst, idSimpleBlock), content, 0)
		return appendBlockHead(dst, l.entry.Number, rel, flags)
	}
	var tail [32]byte
	group := uint64(1+sizeLen(content)) + content + uint64(len(l.blockTail(tail[:0], f, i)))
	dst = appendSize(appendID(dst, idBlockGroup), group, 0)
	dst = appendSize(appendID(dst, idBlock), content, 0)
	return appendBlockHead(dst, l.entry.Number, rel, 0)
}

// blockTail appends what comes after the payload of sample i.
func (l *laidTrack) blockTail(dst []byte, f *File, i int) []byte {
	if l.Kind != media.Text {
		return dst
	}
	end := (l.at(i) + l.lasts(i) - f.origin + fileScale/2) / fileScale
	return appendUint(dst, idBlockDuration, 8, uint64(end-f.ticks(l, i)))
}

// key says that decoding can start at sample i.
func (l *laidTrack) key(i int) bool { return l.Samples[i].Sync || l.Kind != media.Video }
