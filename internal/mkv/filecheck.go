package mkv

import (
	"errors"
	"fmt"
	"io"
	"reflect"
)

// Check reads what was written of the file, size bytes of r, and compares every block with what was
// meant: track, time, place, size, key. It returns what differs first, or nil. Payloads are not
// compared.
func (f *File) Check(r io.ReaderAt, size int64) error {
	if size != f.Size() {
		return fmt.Errorf("checking what was written: want %d bytes, got %d", f.Size(), size)
	}
	d := NewDecoder(io.NewSectionReader(r, 0, size), Options{})
	blocks, at := f.walk(), int64(len(f.head))
	for n := range f.clusters {
		got, err := d.Next()
		if err != nil {
			return fmt.Errorf("checking what was written: cluster %d: %w", n+1, err)
		}
		if err := f.checkCluster(got, n, at, blocks); err != nil {
			return fmt.Errorf("checking what was written: cluster %d: %w", n+1, err)
		}
		at = got.ClusterTo
	}
	if _, err := d.Next(); len(f.clusters) > 0 && !errors.Is(err, io.EOF) {
		return fmt.Errorf("checking what was written: behind cluster %d: want the end, got %w", len(f.clusters), err)
	}
	return nil
}

func (f *File) checkCluster(got *Fragment, n int, at int64, blocks *walk) error {
	want := f.clusters[n]
	end := at + clusterHead - clusterTime + want.size
	if got.ClusterFrom != at || got.ClusterTo != end || got.Timecode != want.time || len(got.Blocks) != want.blocks {
		return fmt.Errorf("want %d blocks from %d at bytes %d to %d, got %d from %d at %d to %d",
			want.blocks, want.time, at, end, len(got.Blocks), got.Timecode, got.ClusterFrom, got.ClusterTo)
	}
	if n == 0 {
		if err := f.checkHeader(got.Header); err != nil {
			return err
		}
	}
	at += clusterHead
	var small []byte
	for k, b := range got.Blocks {
		t, i := blocks.block()
		_, size := t.payload(i)
		small = t.blockHead(small[:0], f, i, 0)
		w := Block{t.entry.Number, f.ticks(t, i) - want.time, at + int64(len(small)), int64(len(t.front(i))) + size, t.key(i)}
		if b != w {
			return fmt.Errorf("block %d: want %+v, got %+v", k+1, w, b)
		}
		at = w.Offset + w.Size + int64(len(t.blockTail(small[:0], f, i)))
	}
	return nil
}

// checkHeader compares scale and tracks.
func (f *File) checkHeader(got *Header) error {
	if got.Scale != fileScale || len(got.Tracks) != len(f.tracks) {
		return fmt.Errorf("want %d tracks in ticks of %d ns, got %d in %d", len(f.tracks), fileScale, len(got.Tracks), got.Scale)
	}
	for i, t := range f.tracks {
		if want := t.entry; !reflect.DeepEqual(got.Tracks[i], want) {
			return fmt.Errorf("track %d: want %+v, got %+v", i+1, want, got.Tracks[i])
		}
	}
	return nil
}
