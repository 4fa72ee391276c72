package mp4

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	boxes "github.com/Eyevinn/mp4ff/mp4"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Chapters lie in moov/udta/chpl, a box of Nero's that no standard describes: as ffmpeg writes it
// (movenc.c, mov_write_chpl_tag) and reads it (mov.c, mov_read_chpl). Version, flags, in version 1
// four bytes of 0, the count in one byte; then for each chapter its time in eight bytes, the
// length of its title in one, and the title.
const (
	maxChapters = math.MaxUint8
	maxTitle    = math.MaxUint8 // bytes
	// chapterTick is the unit of a chapter's time.
	chapterTick = 100 * time.Nanosecond
	// chapterHead is how many bytes of a chapter lie before its title.
	chapterHead = 8 + 1
)

// chapters returns those that are written, as they are read back: the first 255, each at the first
// tick that is not before it, so that players who jump there show no earlier picture, and titles
// cut between characters.
func chapters(cs []media.Chapter) []media.Chapter {
	cs = slices.Clone(cs[:min(len(cs), maxChapters)])
	for i := range cs {
		c := &cs[i]
		c.At = max(0, c.At)
		if over := c.At % chapterTick; over > 0 && c.At <= math.MaxInt64-chapterTick {
			c.At += chapterTick
		}
		c.At -= c.At % chapterTick
		c.Title = title(c.Title)
	}
	return cs
}

// title makes UTF-8 of s and cuts it to what a chapter can hold.
func title(s string) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if len(s) <= maxTitle {
		return s
	}
	n := maxTitle
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// udtaOf builds the box that holds the chapters, or nil if there are none.
func udtaOf(cs []media.Chapter) boxes.Box {
	if len(cs) == 0 {
		return nil
	}
	b := []byte{1, 0, 0, 0, 0, 0, 0, 0, byte(len(cs))}
	for _, c := range cs {
		b = binary.BigEndian.AppendUint64(b, uint64(c.At/chapterTick))
		b = append(append(b, byte(len(c.Title))), c.Title...)
	}
	chpl := binary.BigEndian.AppendUint32(nil, uint32(shortHeader+len(b)))
	chpl = append(append(chpl, "chpl"...), b...)
	return boxes.CreateUnknownBox("udta", uint64(shortHeader+len(chpl)), chpl)
}

// readChapters reads the chapters out of the body of moov. What is broken is left out, for no
// picture depends on it.
func readChapters(moov []byte) []media.Chapter {
	udta, _ := child(moov, "udta")
	chpl, _ := child(udta.body, "chpl")
	b := chpl.body
	head := 5
	if len(b) > 0 && b[0] > 0 {
		head = 9
	}
	if len(b) < head {
		return nil
	}
	n := int(b[head-1])
	b = b[head:]
	var cs []media.Chapter
	for ; n > 0 && len(b) >= chapterHead; n-- {
		at, end := binary.BigEndian.Uint64(b), chapterHead+int(b[chapterHead-1])
		if end > len(b) || at > math.MaxInt64/uint64(chapterTick) {
			break
		}
		cs = append(cs, media.Chapter{At: time.Duration(at) * chapterTick, Title: title(string(b[chapterHead:end]))})
		b = b[end:]
	}
	slices.SortStableFunc(cs, func(a, b media.Chapter) int { return cmp.Compare(a.At, b.At) })
	return cs
}
