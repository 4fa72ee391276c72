package proof

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Tables returns a hash of what a movie says about its samples: when and how long they play, where
// they lie, how they are decoded, what is hidden. See docs/receipt.md for the bytes that are hashed.
// Sources and chapters play no part.
func Tables(m *media.Movie) string {
	w := tableHash{h: sha256.New()}
	created := int64(0)
	if !m.Created.IsZero() {
		created = m.Created.Unix()
	}
	w.ints(int64(m.Timescale), created, int64(len(m.Tracks)))
	for _, t := range m.Tracks {
		w.track(t)
	}
	w.flush()
	return hex.EncodeToString(w.h.Sum(nil))
}

// tableHash hashes integers as 64 bits, big-endian, and bytes behind their length.
type tableHash struct {
	h   hash.Hash
	buf []byte
}

func (w *tableHash) track(t *media.Track) {
	w.ints(int64(t.ID), int64(t.Timescale), t.End)
	w.bytes([]byte(t.Kind))
	w.bytes([]byte(t.Language))
	w.bytes([]byte(t.Handler))
	w.ints(int64(len(t.Configs)))
	for _, c := range t.Configs {
		w.bytes([]byte(c.Format))
		w.bytes(c.Private)
		w.bytes(c.Entry)
	}
	w.ints(int64(len(t.Edits)))
	for _, e := range t.Edits {
		w.ints(e.Duration, e.Media)
	}
	w.ints(int64(len(t.Samples)))
	for _, s := range t.Samples {
		sync := int64(0)
		if s.Sync {
			sync = 1
		}
		w.ints(s.Offset, s.Time, int64(s.Size), int64(s.Shift), int64(s.Config), sync)
	}
}

func (w *tableHash) ints(v ...int64) {
	for _, n := range v {
		w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(n))
	}
	if len(w.buf) > 1<<16 {
		w.flush()
	}
}

func (w *tableHash) bytes(b []byte) {
	w.ints(int64(len(b)))
	w.buf = append(w.buf, b...)
}

func (w *tableHash) flush() {
	w.h.Write(w.buf)
	w.buf = w.buf[:0]
}
