package judgetest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"
)

// Frame is one picture as a viewer sees it.
type Frame struct {
	Index uint32        // what the picture says its number is
	Wall  time.Time     // when it says it was taken, UTC, whole milliseconds
	PTS   time.Duration // when it is shown, from the start of the presentation
	OK    bool          // its field could be read; Index and Wall are zero otherwise
}

// The machine-readable field is made of macroblocks of 16x16 pixels, in raster order over the
// whole columns of the picture: black is 0 and white is 1. A picture is at least 20 columns
// wide, so the field's 96 bits end in the first five rows.
const (
	fieldBits = 96
	lookWide  = 256 // columns of the widest picture
	lookRows  = 5
)

// look shrinks the field to one pixel a macroblock, and pads it with grey to one size for all
// pictures: so a change of size inside a file needs no scaler.
const look = "crop=trunc(iw/16)*16:80:0:0,extractplanes=y,scale=iw/16:ih/16:flags=area," +
	"settb=1/1000000000,showinfo=checksum=0,pad=256:5:0:0:color=gray"

// Frames decodes the first video track and reads every picture that is shown, in the order of
// showing. It stops the test if ffmpeg complains of anything. Pictures that an edit list cuts away
// are not among them.
func Frames(t testing.TB, path string) []Frame {
	t.Helper()
	var frames []Frame
	infos := ffmpeg(t, path, "v:0", look, "rawvideo", func(r io.Reader) error {
		return eachPicture(r, func(p []byte) { frames = append(frames, readField(p)) })
	})
	if len(infos) != len(frames) {
		t.Fatalf("%s: ffmpeg gave times for %d pictures, and %d pictures", path, len(infos), len(frames))
	}
	for i := range frames {
		frames[i].PTS = time.Duration(infos[i].pts)
	}
	return frames
}

// eachPicture shows all pictures that came through look, one at a time, in the same memory.
func eachPicture(r io.Reader, see func([]byte)) error {
	in := bufio.NewReaderSize(r, 1<<16)
	p := make([]byte, lookWide*lookRows)
	for {
		if _, err := io.ReadFull(in, p); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		see(p)
	}
}

// isGrey says whether a luma is neither black (below 64) nor white (above 192).
func isGrey(luma byte) bool { return luma >= 64 && luma <= 192 }

// readField reads the field of one picture that came through look. The last black or white pixel
// of its first row tells how wide the picture is.
func readField(p []byte) Frame {
	columns := lookWide
	for columns > 0 && isGrey(p[columns-1]) {
		columns--
	}
	if columns*lookRows < fieldBits {
		return Frame{}
	}
	var b [fieldBits / 8]byte
	for i := range fieldBits {
		luma := p[i/columns*lookWide+i%columns]
		if isGrey(luma) {
			return Frame{}
		}
		b[i/8] = b[i/8]<<1 | luma>>7
	}
	return parseField(b)
}

// parseField checks and reads index (32 bits), milliseconds since 1970 (48) and CRC (16).
func parseField(b [fieldBits / 8]byte) Frame {
	if crc16(b[:10]) != binary.BigEndian.Uint16(b[10:]) {
		return Frame{}
	}
	ms := int64(binary.BigEndian.Uint64(b[2:]) & (1<<48 - 1))
	return Frame{Index: binary.BigEndian.Uint32(b[:]), Wall: time.UnixMilli(ms).UTC(), OK: true}
}

// crc16 is CRC-16/CCITT-FALSE, by bits.
func crc16(b []byte) uint16 {
	crc := uint16(0xffff)
	for i := range 8 * len(b) {
		bit := b[i/8] >> (7 - i%8) & 1
		top := byte(crc >> 15)
		crc <<= 1
		if top != bit {
			crc ^= 0x1021
		}
	}
	return crc
}
