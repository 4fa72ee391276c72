package mkv

import (
	"time"
)

// IDs of the elements that only a whole file has (RFC 9559, 5).
const (
	idSeek         = 0x4DBB
	idSeekID       = 0x53AB
	idSeekPosition = 0x53AC
	idDuration     = 0x4489
	idDateUTC      = 0x4461
	idFlagLacing   = 0x9C
	idCodecDelay   = 0x56AA
	idSeekPreRoll  = 0x56BB

	idBlockDuration = 0x9B

	idCuePoint           = 0xBB
	idCueTime            = 0xB3
	idCueTrackPositions  = 0xB7
	idCueTrack           = 0xF7
	idCueClusterPosition = 0xF1

	idEditionEntry     = 0x45B9
	idChapterAtom      = 0xB6
	idChapterUID       = 0x73C4
	idChapterTimeStart = 0x91
	idChapterDisplay   = 0x80
	idChapString       = 0x85
	idChapLanguage     = 0x437C
)

// app is what made the file.
const app = "kvsclip"

// opusPreRoll is how long before a place an Opus decoder has to start (RFC 9559, 5.1.4.1.26; RFC 7845, 4.6).
const opusPreRoll = 80 * time.Millisecond

// frame makes all around the clusters: EBML header, Segment, SeekHead, Info, Tracks, Chapters and
// Tags before them; Cues behind them, since those of a long clip are long.
func (f *File) frame() {
	parts := []section{{idInfo, f.info()}, {idTracks, f.entries()}, {idChapters, f.chapters()}, {idTags, fileTags(f.options.Tags)}}
	ebml := appendEBML(nil, "matroska", 4, 2)
	before := int64(len(seekHead(parts, 0, 0)))
	for _, p := range parts {
		before += int64(len(p.append(nil)))
	}
	f.tail = section{idCues, f.cuePoints(before)}.append(nil)
	f.head = appendSize(appendID(ebml, idSegment), uint64(before+f.body+int64(len(f.tail))), 8)
	f.head = append(f.head, seekHead(parts, before+f.body, len(f.tail))...)
	for _, p := range parts {
		f.head = p.append(f.head)
	}
}

// section is an element at the top of a Segment. One without contents is left out.
type section struct {
	id   uint32
	body []byte
}

func (s section) append(dst []byte) []byte {
	if len(s.body) == 0 {
		return dst
	}
	return appendElement(dst, s.id, 0, s.body)
}

// seekHead tells where the sections begin, counted from the contents of the Segment. Its length does
// not depend on numbers: the cues are always told of, as lying where the clusters end, unless there are none.
func seekHead(parts []section, cues int64, cueBytes int) []byte {
	entries := 1
	for _, p := range parts {
		if len(p.body) > 0 {
			entries++
		}
	}
	const entry = 2 + 1 + (2 + 1 + 4) + (2 + 1 + 8) // of four bytes of ID and eight of position
	at := uint64(len(appendSize(appendID(nil, idSeekHead), uint64(entries*entry), 2)) + entries*entry)
	var b []byte
	for _, p := range parts {
		if len(p.body) > 0 {
			b = appendSeek(b, p.id, at)
			at += uint64(len(p.append(nil)))
		}
	}
	if cueBytes > 0 {
		b = appendSeek(b, idCues, uint64(cues))
	} else {
		b = appendElement(b, idVoid, 1, make([]byte, entry-2))
	}
	return appendElement(nil, idSeekHead, 2, b)
}

func appendSeek(dst []byte, id uint32, at uint64) []byte {
	b := appendElement(nil, idSeekID, 1, appendID(nil, id))
	return appendElement(dst, idSeek, 1, appendUint(b, idSeekPosition, 8, at))
}

// info tells how long the file plays and, where that is known, when its first picture was taken.
func (f *File) info() []byte {
	b := appendUint(nil, idTimestampScale, 8, uint64(fileScale))
	b = appendFloat(b, idDuration, float64(f.ends)/float64(fileScale))
	if t := f.movie.Created; !t.IsZero() {
		millennium := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
		b = appendUint(b, idDateUTC, 8, uint64(t.Add(-f.Lead()).Sub(millennium)))
	}
	return appendString(appendString(b, idMuxingApp, app), idWritingApp, app)
}

func (f *File) entries() (b []byte) {
	for _, t := range f.tracks {
		b = appendElement(b, idTrackEntry, 0, t.fileEntry())
	}
	return b
}

// fileEntry returns the content of a TrackEntry.
func (l *laidTrack) fileEntry() []byte {
	t := l.entry
	b := appendUint(nil, idTrackNumber, 1, t.Number)
	b = appendUint(b, idTrackUID, 8, t.Number)
	b = appendUint(b, idTrackType, 1, t.Type)
	b = appendUint(b, idFlagLacing, 1, 0)
	b = appendString(b, idLanguage, t.Language)
	if t.Name != "" {
		b = appendString(b, idName, t.Name)
	}
	b = appendString(b, idCodecID, t.CodecID)
	if len(t.Private) > 0 {
		b = appendElement(b, idCodecPrivate, 0, t.Private)
	}
	if t.CodecID == codecOpus {
		b = appendUint(b, idCodecDelay, 8, uint64(l.delay))
		b = appendUint(b, idSeekPreRoll, 8, uint64(opusPreRoll))
	}
	switch t.Type {
	case TypeVideo:
		v := appendUint(nil, idPixelWidth, 4, uint64(t.Width))
		b = appendElement(b, idVideo, 0, appendUint(v, idPixelHeight, 4, uint64(t.Height)))
	case TypeAudio:
		b = appendElement(b, idAudio, 0, audioSettings(t))
	}
	return b
}

// chapters returns the content of Chapters: one edition, times in nanoseconds.
func (f *File) chapters() []byte {
	var atoms []byte
	for i, c := range f.movie.Chapters {
		display := appendString(appendString(nil, idChapString, c.Title), idChapLanguage, "und")
		b := appendUint(nil, idChapterUID, 8, uint64(i+1))
		b = appendUint(b, idChapterTimeStart, 8, uint64(max(0, c.At+f.Lead())))
		atoms = appendElement(atoms, idChapterAtom, 0, appendElement(b, idChapterDisplay, 0, display))
	}
	return section{idEditionEntry, atoms}.append(nil)
}

// fileTags returns the content of Tags: one Tag about the whole file.
func fileTags(tags []Tag) []byte {
	var all []byte
	for _, t := range tags {
		all = appendElement(all, idSimpleTag, 0, simpleTag(t, 0))
	}
	if len(all) == 0 {
		return nil
	}
	return appendElement(nil, idTag, 0, append(appendElement(nil, idTargets, 0, nil), all...))
}

// cuePoints returns the content of Cues. before is where the first cluster begins in the Segment.
func (f *File) cuePoints(before int64) []byte {
	var b []byte
	at, n := before, 0
	for _, c := range f.cues {
		for ; n < c.cluster; n++ {
			at += clusterHead - clusterTime + f.clusters[n].size
		}
		place := appendUint(nil, idCueTrack, 1, c.track)
		place = appendUint(place, idCueClusterPosition, 8, uint64(at))
		point := appendUint(nil, idCueTime, 8, uint64(c.time))
		b = appendElement(b, idCuePoint, 0, appendElement(point, idCueTrackPositions, 0, place))
	}
	return b
}
