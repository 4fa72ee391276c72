// Package media holds the nouns of the content: movies, tracks, samples, in the sense of
// ISO/IEC 14496-12. A sample says where its bytes lie; nothing here holds or moves media bytes.
package media

import (
	"io"
	"time"
)

// Movie is some tracks on one movie timeline, and the sources their samples lie in.
type Movie struct {
	// Sources hold the sample bytes; Sample.Source indexes them. Whoever opened a source closes
	// it. They must allow concurrent ReadAt.
	Sources []Source
	Tracks  []*Track // in file order

	// Timescale is ticks per second of the movie's own clock (mvhd): the unit of Edit.Duration.
	Timescale uint32
	// Created is when the content began, on the wall clock, UTC; zero means not known.
	// (A GetClip answer tells the time of packaging here.)
	Created time.Time

	Chapters []Chapter // in order of At
}

// Chapter is a place in a movie that players let people jump to.
type Chapter struct {
	At    time.Duration // presentation time in the movie: edit lists are applied; never negative
	Title string        // UTF-8
}

// Source is where sample bytes lie: a file, a part of one, or bytes made on demand.
type Source struct {
	io.ReaderAt
	Size int64 // bytes; every sample of the source ends at or before it
}

// Kind is what a track carries.
type Kind string

// The kinds, by the words of the JSON report.
const (
	Video Kind = "video"
	Audio Kind = "audio"
	Text  Kind = "text" // timed text, such as the clock's
)

// Track is one sequence of samples in decode order.
type Track struct {
	ID        uint32 // track_ID, unique in its movie, not 0
	Kind      Kind
	Timescale uint32   // ticks per second of Sample.Time, never 0
	Language  string   // ISO 639-2/T, "und" when unknown
	Handler   string   // name in hdlr, for people
	Configs   []Config // sample entries; Sample.Config indexes them
	Samples   []Sample // in decode order, Time strictly rising
	// End is where the last sample's decode duration ends, in ticks; at least one more than the
	// last Sample.Time. 0 for a track without samples.
	End int64
	// Edits is the edit list. Empty means: the track plays from media time 0 on.
	Edits []Edit
}

// Sample is one coded picture or one block of audio, by place and time.
type Sample struct {
	Offset int64 // bytes from the start of its source
	// Time is the decode time in ticks of the track: a position, never a sum of durations. The
	// sample's decode duration ends at the next sample's Time, the last one's at Track.End.
	Time   int64
	Size   uint32 // bytes, may be 0
	Shift  int32  // composition offset in ticks: composition time = Time + Shift
	Source uint16 // index in Movie.Sources
	Config uint16 // index in Track.Configs
	Sync   bool   // decoding can start here (stss); true for every audio sample
}

// Config is one sample entry: how the samples that name it are decoded.
type Config struct {
	// Format is the four characters of the sample entry: avc1, hvc1, hev1, mp4a, alaw, ulaw, Opus,
	// tx3g ...; "" for a codec that ISO files have no sample entry for, such as Motion JPEG.
	Format string
	// CodecID is what Matroska calls the codec, if the configuration came from there; else "".
	CodecID string
	// Private is the codec configuration: the payload of avcC or hvcC, the AudioSpecificConfig
	// out of esds, or Matroska's CodecPrivate where Format is "" or Opus; nil for G.711.
	Private []byte
	// Entry is the whole sample entry box as it was read, size and type included, and is written
	// back to the byte. Nil means: make one from the other fields.
	Entry []byte

	Width, Height int // pixels; video only
	Channels      int // audio only
	SampleRate    int // samples per second; audio only
	BitDepth      int // bits of a PCM sample; 0 for other codecs
}

// Edit is one entry of an edit list (ISO/IEC 14496-12, 8.6.6), always at rate 1.
type Edit struct {
	Duration int64 // ticks of Movie.Timescale; 0 means: to the end of the track
	Media    int64 // composition time it starts at, ticks of the track; -1 for an empty edit
}
