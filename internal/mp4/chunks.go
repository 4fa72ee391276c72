package mp4

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kvsclip/kvsclip/internal/media"
)

// maxChunk bytes and one second bound a chunk of more than one sample, so that a player that seeks
// reads little to no avail.
const maxChunk = 1 << 20

// chunk is a run of samples of one track that lie one after the other in one source and share a
// sample entry.
type chunk struct {
	offset int64 // in its source
	size   int64
	at     int64 // from the start of the file's media bytes
	first  int   // index of its first sample
	count  uint32
	source uint16
	config uint16
	beside key // where it is put among the chunks of all tracks
}

// key is a place in the sources, by which chunks are put in order.
type key struct {
	offset int64
	source uint16
}

// cut checks the samples of a track and cuts them into chunks, in decode order. It goes over them
// twice, which costs less than letting a list of millions of chunks grow.
func cut(m *media.Movie, t *media.Track) ([]chunk, error) {
	for i := range t.Samples {
		if err := checkSample(m, t, i); err != nil {
			return nil, fmt.Errorf("sample %d: %w", i+1, err)
		}
	}
	n := 0
	eachCut(t, func(chunk) { n++ })
	chunks := make([]chunk, 0, n)
	eachCut(t, func(c chunk) { chunks = append(chunks, c) })
	interleave(chunks)
	return chunks, nil
}

// interleave says where the chunks of a track are put: where they are in the sources, but one that
// is decoded before a chunk of an earlier source goes right before that. So bytes that were made to
// fill a hole lie where it is, and who reads the file from front to end gets them in time.
func interleave(chunks []chunk) {
	for i := len(chunks) - 1; i >= 0; i-- {
		c := &chunks[i]
		c.beside = key{c.offset, c.source}
		if i+1 < len(chunks) && chunks[i+1].beside.source < c.source {
			c.beside = chunks[i+1].beside
		}
	}
}

// eachCut calls f for each chunk of a checked track, in decode order.
func eachCut(t *media.Track, f func(chunk)) {
	var c chunk
	ends := int64(0) // when the chunk at hand is a second long
	for i := range t.Samples {
		s := &t.Samples[i]
		if c.count > 0 && (s.Offset != c.offset+c.size || s.Source != c.source || s.Config != c.config ||
			c.size+int64(s.Size) > maxChunk || s.Time >= ends) {
			f(c)
			c.count = 0
		}
		if c.count == 0 {
			c = chunk{offset: s.Offset, first: i, source: s.Source, config: s.Config}
			ends = s.Time + int64(t.Timescale)
		}
		c.size += int64(s.Size)
		c.count++
	}
	if c.count > 0 {
		f(c)
	}
}

// checkSample holds sample i against what media.Track promises and a file can say.
func checkSample(m *media.Movie, t *media.Track, i int) error {
	s := &t.Samples[i]
	if int(s.Source) >= len(m.Sources) || int(s.Config) >= len(t.Configs) {
		return malformed("source %d of %d, sample entry %d of %d", s.Source, len(m.Sources), s.Config, len(t.Configs))
	}
	if size := m.Sources[s.Source].Size; s.Offset < 0 || s.Offset > size || int64(s.Size) > size-s.Offset {
		return fmt.Errorf("%d bytes at %d in source %d of %d bytes: %w", s.Size, s.Offset, s.Source, size, ErrTruncated)
	}
	if d := t.Duration(i); d < 1 {
		return malformed("decode duration %d ticks: want at least 1", d)
	} else if d > maxDelta {
		return unsupported("decode duration %d ticks: at most %d", d, maxDelta)
	}
	return nil
}

// queue gives the chunks of a track in the order of their bytes in the sources.
type queue struct {
	chunks []chunk
	order  []int // nil: as they are
	next   int
}

func newQueue(chunks []chunk) *queue {
	q := &queue{chunks: chunks}
	if !inPlaceOrder(chunks) {
		q.order = make([]int, len(chunks))
		for i := range q.order {
			q.order[i] = i
		}
		slices.SortStableFunc(q.order, func(a, b int) int { return byPlace(&chunks[a], &chunks[b]) })
	}
	return q
}

func inPlaceOrder(chunks []chunk) bool {
	for i := 1; i < len(chunks); i++ {
		if byPlace(&chunks[i-1], &chunks[i]) > 0 {
			return false
		}
	}
	return true
}

func byPlace(a, b *chunk) int {
	if a.beside.source != b.beside.source {
		return cmp.Compare(a.beside.source, b.beside.source)
	}
	return cmp.Compare(a.beside.offset, b.beside.offset)
}

// head returns the next chunk, or nil after the last.
func (q *queue) head() *chunk {
	switch {
	case q.next == len(q.chunks):
		return nil
	case q.order != nil:
		return &q.chunks[q.order[q.next]]
	}
	return &q.chunks[q.next]
}

// run is a span of a source that is copied in one go.
type run struct {
	source       uint16
	offset, size int64
}

// place gives every chunk its position among the media bytes, walking the sources in order, each
// from its front, so that the interleaving of each stays as it was (but see interleave). It returns the runs to copy and
// how many bytes they have. Bytes that two chunks share are copied twice.
func place(tracks [][]chunk) (runs []run, total int64) {
	var queues []*queue
	for _, chunks := range tracks {
		queues = append(queues, newQueue(chunks))
	}
	for {
		var least *chunk
		var from *queue
		for _, q := range queues {
			if c := q.head(); c != nil && (least == nil || byPlace(c, least) < 0) {
				least, from = c, q
			}
		}
		if least == nil {
			return runs, total
		}
		from.next++
		least.at = total
		total += least.size
		runs = appendRun(runs, least)
	}
}

// appendRun makes the last run longer where c goes on from it.
func appendRun(runs []run, c *chunk) []run {
	if c.size == 0 {
		return runs
	}
	if n := len(runs); n > 0 && runs[n-1].source == c.source && runs[n-1].offset+runs[n-1].size == c.offset {
		runs[n-1].size += c.size
		return runs
	}
	return append(runs, run{source: c.source, offset: c.offset, size: c.size})
}
