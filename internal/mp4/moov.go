package mp4

import (
	"encoding/binary"
	"math"
	"time"

	boxes "github.com/Eyevinn/mp4ff/mp4"

	"github.com/kvsclip/kvsclip/internal/media"
)

// moov builds the movie box without the chunk offsets.
func (l *layout) moov() (*boxes.MoovBox, error) {
	moov := boxes.NewMoovBox()
	moov.AddChild(l.mvhd())
	for _, t := range l.tracks {
		trak, err := l.trak(t)
		if err != nil {
			return nil, err
		}
		moov.AddChild(trak)
	}
	if udta := udtaOf(chapters(l.movie.Chapters)); udta != nil {
		moov.AddChild(udta)
	}
	return moov, nil
}

func (l *layout) mvhd() *boxes.MvhdBox {
	b := boxes.CreateMvhd()
	b.CreationTime, b.Timescale = seconds(l.created), l.movie.Timescale
	b.ModificationTime = b.CreationTime
	highest := uint32(0)
	for _, t := range l.tracks {
		b.Duration = max(b.Duration, uint64(t.plays))
		highest = max(highest, t.ID)
	}
	b.NextTrackID = highest + min(1, math.MaxUint32-highest)
	b.Version = version(b.CreationTime, b.Duration)
	return b
}

// seconds since 1904, or 0 for what does not lie after it.
func seconds(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(max(0, t.Unix()+epoch))
}

// version of mvhd, tkhd and mdhd: 1 once a field needs 64 bits. All ones in 32 bits mean "unknown".
func version(created, duration uint64) byte {
	if max(created, duration) >= math.MaxUint32 {
		return 1
	}
	return 0
}

func (l *layout) trak(t *laidTrack) (*boxes.TrakBox, error) {
	trak := boxes.NewTrakBox()
	trak.AddChild(l.tkhd(t))
	if elst := elstOf(t.edits); elst != nil {
		edts := &boxes.EdtsBox{}
		edts.AddChild(elst)
		trak.AddChild(edts)
	}
	mdia := boxes.NewMdiaBox()
	mdia.AddChild(l.mdhd(t))
	mdia.AddChild(&boxes.HdlrBox{HandlerType: handlerType(t.Kind), Name: t.handler})
	minf := boxes.NewMinfBox()
	minf.AddChild(mediaHeader(t.Kind))
	minf.AddChild(dinf(t.entries))
	stbl, err := l.stbl(t)
	if err != nil {
		return nil, err
	}
	minf.AddChild(stbl)
	mdia.AddChild(minf)
	trak.AddChild(mdia)
	return trak, nil
}

func handlerType(k media.Kind) string {
	switch k {
	case media.Audio:
		return handlerAudio
	case media.Text:
		return handlerText
	}
	return handlerVideo
}

// tkhd says width and height of the largest sample entry, 16.16 fixed point (8.3.2).
func (l *layout) tkhd(t *laidTrack) *boxes.TkhdBox {
	const enabled, inMovie = 1, 2
	b := boxes.CreateTkhd()
	b.Flags, b.TrackID = enabled|inMovie, t.ID
	b.CreationTime, b.Duration = seconds(l.created), uint64(t.plays)
	b.ModificationTime = b.CreationTime
	b.Version = version(b.CreationTime, b.Duration)
	switch t.Kind {
	case media.Audio:
		b.Volume = 0x0100 // 1.0
		return b
	case media.Text:
		b.Flags, b.AlternateGroup = inMovie, subtitles
		l.overPictures(b)
	}
	for _, c := range t.Configs {
		b.Width = max(b.Width, boxes.Fixed32(uint32(c.Width)<<16))
		b.Height = max(b.Height, boxes.Fixed32(uint32(c.Height)<<16))
	}
	return b
}

// overPictures makes a track as large as the pictures: text has no size of its own.
func (l *layout) overPictures(b *boxes.TkhdBox) {
	for _, t := range l.tracks {
		if t.Kind == media.Video {
			own := l.tkhd(t)
			b.Width, b.Height = max(b.Width, own.Width), max(b.Height, own.Height)
		}
	}
}

func (l *layout) mdhd(t *laidTrack) *boxes.MdhdBox {
	b := &boxes.MdhdBox{CreationTime: seconds(l.created), Timescale: t.Timescale, Duration: uint64(t.End)}
	b.ModificationTime = b.CreationTime
	b.Version = version(b.CreationTime, b.Duration)
	b.SetLanguage(t.language)
	return b
}

// dinf says that the media bytes are in this file, for as many data references as the sample
// entries name: those are written as they came.
func dinf(entries [][]byte) *boxes.DinfBox {
	n := uint16(1)
	for _, e := range entries {
		n = max(n, binary.BigEndian.Uint16(e[shortHeader+6:]))
	}
	dref := boxes.CreateDref()
	for ; n > 1; n-- {
		dref.AddChild(boxes.CreateURLBox())
	}
	b := &boxes.DinfBox{}
	b.AddChild(dref)
	return b
}

// stbl builds the sample tables but for stco or co64.
func (l *layout) stbl(t *laidTrack) (*boxes.StblBox, error) {
	b := boxes.NewStblBox()
	b.AddChild(stsdOf(t.entries))
	b.AddChild(sttsOf(t.Track))
	if ctts := cttsOf(t.Track, l.options.CTTSVersion1); ctts != nil {
		b.AddChild(ctts)
	}
	if stss := stssOf(t.Track); stss != nil {
		b.AddChild(stss)
	}
	stsc, err := stscOf(t.chunks)
	if err != nil {
		return nil, err
	}
	b.AddChild(stsc)
	b.AddChild(stszOf(t.Track))
	return b, nil
}

// stsdOf joins sample entries to the byte, which boxes of mp4ff's own could not promise.
func stsdOf(entries [][]byte) boxes.Box {
	payload := binary.BigEndian.AppendUint64(nil, uint64(len(entries))) // version, flags, count
	for _, e := range entries {
		payload = append(payload, e...)
	}
	return boxes.CreateUnknownBox("stsd", uint64(shortHeader+len(payload)), payload)
}
