package mp4

import (
	"encoding/binary"

	boxes "github.com/Eyevinn/mp4ff/mp4"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Timed text is tx3g (3GPP TS 26.245): a sample is the length of the text in two bytes and the text
// in UTF-8. Its track has Apple's handler "sbtl", which QuickTime, VLC and ffmpeg list as subtitles,
// where "text" would make QuickTime draw it over the picture always. The track is not enabled (8.3.2):
// players show it when they are asked to, and not by themselves.
const (
	formatText   = "tx3g"
	handlerText  = "sbtl"
	handlerTimed = "text" // as 3GPP has it, read but not written
	// subtitles is the alternate_group of text tracks: players show one of a group at a time.
	subtitles = 2
)

// textFont is the name every player has a font for.
const textFont = "Sans-Serif"

// makeText makes the sample entry tx3g (5.16): white text in the middle of the lowest line, without
// a box of its own, in one font.
func makeText(c media.Config) []byte {
	const (
		centred   = 1
		lowest    = 0xff // -1
		white     = 0xffffffff
		fontID    = 1
		fontPixel = 18
	)
	b := make([]byte, 6, 64)                     // reserved
	b = binary.BigEndian.AppendUint16(b, 1)      // data_reference_index
	b = binary.BigEndian.AppendUint32(b, 0)      // displayFlags
	b = append(b, centred, lowest)               // justification
	b = append(b, 0, 0, 0, 0)                    // background: transparent
	b = append(b, make([]byte, 8)...)            // text box: all of the track's
	b = append(b, 0, 0, 0, 0)                    // style of characters 0 to 0: all without a style
	b = binary.BigEndian.AppendUint16(b, fontID) //
	b = append(b, 0, fontPixel)                  // face: plain
	b = binary.BigEndian.AppendUint32(b, white)
	fonts := binary.BigEndian.AppendUint16(nil, 1)
	fonts = binary.BigEndian.AppendUint16(fonts, fontID)
	fonts = append(append(fonts, byte(len(textFont))), textFont...)
	return boxed(c.Format, b, boxed("ftab", fonts))
}

// boxed puts a header before the parts of a box.
func boxed(kind string, parts ...[]byte) []byte {
	body := join(parts...)
	b := binary.BigEndian.AppendUint32(make([]byte, 0, shortHeader+len(body)), uint32(shortHeader+len(body)))
	return append(append(b, kind...), body...)
}

// isText says whether all sample entries of a track of text are tx3g. Chapters of QuickTime are
// tracks of text too, of another format.
func isText(mdia []byte) bool {
	minf, _ := child(mdia, "minf")
	stbl, _ := child(minf.body, "stbl")
	stsd, _ := child(stbl.body, "stsd")
	if len(stsd.body) < 8 {
		return false
	}
	n, all := 0, true
	err := eachAtom(stsd.body[8:], func(a atom) error {
		n++
		all = all && a.kind == formatText
		return nil
	})
	return err == nil && n > 0 && all
}

// mediaHeader is the box that tells what kind of media a track has (8.4.5, 12.1.2, 12.2.2).
func mediaHeader(k media.Kind) boxes.Box {
	switch k {
	case media.Audio:
		return boxes.CreateSmhd()
	case media.Text:
		return &boxes.NmhdBox{}
	}
	return boxes.CreateVmhd()
}
