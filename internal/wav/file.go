package wav

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/kvsclip/kvsclip/internal/media"
)

// copySize is how many bytes are read and written at once.
const copySize = 1 << 20

// File is a sound laid out as a file: its header in memory, its PCM samples still in the movie's
// sources. It does not change and may be written more than once.
type File struct {
	format  format
	head    []byte
	runs    []run
	data    int64 // bytes of the runs
	sources []media.Source
}

// Lay lays the only audio track of m out: G.711, or PCM as Matroska has it, little endian. The file
// begins where the presentation does and shows what the edit list shows, to the PCM sample; holes are
// filled with silence. It reads no media bytes. Errors are ErrNotPCM, ErrSound, or tell of a sample
// outside of its source.
func Lay(m *media.Movie) (*File, error) {
	t, f, err := track(m)
	if err != nil {
		return nil, err
	}
	p, err := place(m, t, f)
	if err != nil {
		return nil, err
	}
	file := &File{format: f, runs: p.runs, sources: m.Sources, data: p.at * f.frame()}
	file.head = file.header(p.at)
	return file, nil
}

// Size returns the length of the whole file in bytes.
func (f *File) Size() int64 { return int64(len(f.head)) + f.data + f.data%2 }

// header encodes all before the PCM samples (Multimedia Programming Interface and Data
// Specifications 1.0; RF64 after EBU Tech 3306). Sizes that need more than 32 bits are all ones
// there, and in ds64.
func (f *File) header(frames int64) []byte {
	const formLength, formatLength, factLength, ds64Length = 4, 18, 4, 28
	const chunk = 8
	size := int64(formLength + chunk + formatLength + chunk + factLength + chunk)
	size += f.data + f.data%2
	name, form, data, fact := "RIFF", uint32(size), uint32(f.data), uint32(frames)
	wide := size > math.MaxUint32-1
	if wide {
		size += chunk + ds64Length
		name, form, data, fact = "RF64", math.MaxUint32, math.MaxUint32, math.MaxUint32
	}
	le := binary.LittleEndian
	b := le.AppendUint32([]byte(name), form)
	b = append(b, "WAVE"...)
	if wide {
		b = le.AppendUint32(append(b, "ds64"...), ds64Length)
		b = le.AppendUint64(b, uint64(size))
		b = le.AppendUint64(b, uint64(f.data))
		b = le.AppendUint64(b, uint64(frames))
		b = le.AppendUint32(b, 0) // no other sizes
	}
	b = f.format.appendTo(le.AppendUint32(append(b, "fmt "...), formatLength))
	b = le.AppendUint32(le.AppendUint32(append(b, "fact"...), factLength), fact)
	return le.AppendUint32(append(b, "data"...), data)
}

// appendTo appends WAVEFORMATEX.
func (f format) appendTo(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint16(b, f.tag)
	b = le.AppendUint16(b, uint16(f.channels))
	b = le.AppendUint32(b, uint32(f.rate))
	b = le.AppendUint32(b, uint32(int64(f.rate)*f.frame())) // bytes a second
	b = le.AppendUint16(b, uint16(f.frame()))
	b = le.AppendUint16(b, uint16(f.bits))
	return le.AppendUint16(b, 0) // nothing more
}

// WriteTo writes the file from its first byte to its last and returns how many were written.
func (f *File) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(f.head)
	written := int64(n)
	if err != nil {
		return written, fmt.Errorf("writing the WAV header: %w", err)
	}
	buf := make([]byte, min(copySize, max(1, f.data)))
	for _, r := range f.runs {
		copied, err := f.copyRun(w, r, buf)
		written += copied
		if err != nil {
			return written, err
		}
	}
	if f.data%2 == 0 {
		return written, nil
	}
	n, err = w.Write([]byte{0}) // chunks begin at even places
	return written + int64(n), err
}

// copyRun copies one run through buf.
func (f *File) copyRun(w io.Writer, r run, buf []byte) (written int64, err error) {
	if r.source < 0 {
		for i := range buf {
			buf[i] = f.format.silence
		}
	}
	for written < r.size {
		part := buf[:min(int64(len(buf)), r.size-written)]
		if r.source >= 0 {
			if n, err := f.sources[r.source].ReadAt(part, r.offset+written); n < len(part) {
				if err == nil || errors.Is(err, io.EOF) {
					err = io.ErrUnexpectedEOF
				}
				return written, fmt.Errorf("source %d: reading %d bytes at %d: %w", r.source, len(part), r.offset+written, err)
			}
		}
		n, err := w.Write(part)
		written += int64(n)
		if err != nil {
			return written, fmt.Errorf("writing sound: %w", err)
		}
	}
	return written, nil
}
