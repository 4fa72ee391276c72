package mkv_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
)

// benchmarked is a file of half a gigabyte, one document of many clusters, so that ffmpeg too reads
// all of it: two seconds of film, four megabits a second, again and again.
func benchmarked(b *testing.B) (path string, size int64) {
	film := film(b, "-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-b:v", "4M", "-minrate", "4M", "-maxrate", "4M", "-bufsize", "4M",
		"-x264-params", "nal-hrd=cbr", "-c:a", "aac", "-cluster_time_limit", "1000000", "-cluster_size_limit", "10000000", "-live", "1")
	fs, err := readAll(bytes.NewReader(film), mkv.Options{})
	if err != nil {
		b.Fatal(err)
	}
	path = filepath.Join(b.TempDir(), "film.mkv")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	_, err = f.Write(fs[0].Header.Raw)
	for i := int64(0); err == nil && size < 512<<20; i++ {
		from := fs[0]
		at := bytes.Index(film[from.ClusterFrom:], []byte{0xE7})
		length := int(film[from.ClusterFrom+int64(at)+1] & 0x7F)
		blocks := film[from.ClusterFrom+int64(at)+2+int64(length) : from.ClusterTo]
		cluster := cat(open(0x1F43B675, 8), timecode(uint64(i*2000)), blocks)
		size += int64(len(cluster))
		_, err = f.Write(cluster)
	}
	if err != nil {
		b.Fatal(err)
	}
	return path, size
}

func BenchmarkDecoder(b *testing.B) {
	path, size := benchmarked(b)
	b.Run("kvsclip", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			f, err := os.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			fs, err := readAll(f, mkv.Options{})
			if err != nil || len(fs) < 100 {
				b.Fatalf("%d fragments, %v", len(fs), err)
			}
			_ = f.Close()
		}
	})
	b.Run("kvsclip-lent", func(b *testing.B) { // with every payload looked at
		b.SetBytes(size)
		for b.Loop() {
			f, err := os.Open(path)
			if err != nil {
				b.Fatal(err)
			}
			var bytes int64
			_, err = readAll(f, mkv.Options{Payload: func(_ mkv.Block, data []byte) { bytes += int64(len(data)) }})
			if err != nil || bytes < size/2 {
				b.Fatalf("%d bytes, %v", bytes, err)
			}
			_ = f.Close()
		}
	})
}

func BenchmarkParts(b *testing.B) {
	path, size := benchmarked(b)
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	fs, err := readAll(f, mkv.Options{})
	if err != nil {
		b.Fatal(err)
	}
	end, _ := f.Seek(0, io.SeekEnd)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		parts, err := mkv.Parts(media.Source{ReaderAt: f, Size: end}, fs)
		if err != nil || len(parts) == 0 {
			b.Fatalf("%d parts, %v", len(parts), err)
		}
	}
}
