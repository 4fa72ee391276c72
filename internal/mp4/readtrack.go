package mp4

import (
	"encoding/binary"
	"strings"

	boxes "github.com/Eyevinn/mp4ff/mp4"

	"github.com/kvsclip/kvsclip/internal/media"
)

// trackReader reads the tracks of one moov, one after the other.
type trackReader struct {
	size int64           // bytes of the file
	left int             // samples that may still be allocated
	seen map[uint32]bool // track_IDs so far
	id   uint32          // of the track at hand, for errors; 0 while not known
}

// track reads the body of a trak box. It returns nil for a track of neither video nor audio nor
// text that is known.
func (p *trackReader) track(body []byte) (*media.Track, error) {
	p.id = 0
	mdia, ok := child(body, "mdia")
	if !ok {
		return nil, malformed("no box mdia")
	}
	hdlr, err := decodeChild[*boxes.HdlrBox](mdia.body, "hdlr")
	if err != nil {
		return nil, err
	}
	t := &media.Track{Handler: handlerName(hdlr)}
	switch hdlr.HandlerType {
	case handlerVideo:
		t.Kind = media.Video
	case handlerAudio:
		t.Kind = media.Audio
	case handlerText, handlerTimed:
		if !isText(mdia.body) {
			return nil, nil
		}
		t.Kind = media.Text
	default:
		return nil, nil
	}
	if err := p.headers(t, body, mdia.body); err != nil {
		return nil, err
	}
	if t.Edits, err = readEdits(body); err != nil {
		return nil, err
	}
	return t, p.media(t, mdia.body)
}

// headers reads tkhd and mdhd.
func (p *trackReader) headers(t *media.Track, trak, mdia []byte) error {
	tkhd, err := decodeChild[*boxes.TkhdBox](trak, "tkhd")
	if err != nil {
		return err
	}
	if tkhd.TrackID == 0 || p.seen[tkhd.TrackID] {
		return malformed("tkhd: track_ID %d is 0 or taken", tkhd.TrackID)
	}
	p.id, p.seen[tkhd.TrackID] = tkhd.TrackID, true
	mdhd, err := decodeChild[*boxes.MdhdBox](mdia, "mdhd")
	if err != nil {
		return err
	}
	if mdhd.Timescale == 0 {
		return malformed("mdhd: timescale 0")
	}
	t.ID, t.Timescale, t.Language = tkhd.TrackID, mdhd.Timescale, language(mdhd.Language)
	return nil
}

// media reads what minf holds: sample entries and samples.
func (p *trackReader) media(t *media.Track, mdia []byte) error {
	minf, ok := child(mdia, "minf")
	if !ok {
		return malformed("no box minf")
	}
	stbl, ok := child(minf.body, "stbl")
	if !ok {
		return malformed("no box stbl")
	}
	var err error
	if t.Configs, err = readEntries(stbl.body, t.Kind); err != nil {
		return err
	}
	if err = checkSelfContained(minf.body, t.Configs); err != nil {
		return err
	}
	tab, err := readTables(stbl.body)
	if err != nil {
		return err
	}
	if foldable(t, tab) {
		err = p.fold(t, tab)
	} else {
		err = p.samples(t, tab)
	}
	p.left -= len(t.Samples)
	return err
}

// checkSelfContained refuses samples that lie in another file (ISO/IEC 14496-12, 8.7.2): reading
// them here would give wrong bytes. Index 0, or 1 without any dref, is taken to mean this file.
func checkSelfContained(minf []byte, configs []media.Config) error {
	dinf, _ := child(minf, "dinf")
	dref, _ := child(dinf.body, "dref")
	inside := []bool{true}
	if len(dref.body) >= 8 {
		err := eachAtom(dref.body[8:], func(a atom) error {
			inside = append(inside, len(a.body) >= 4 && a.body[3]&1 == 1)
			return nil
		})
		if err != nil {
			return err
		}
	}
	for i, c := range configs {
		n := int(referenceIndex(c.Entry))
		switch {
		case n == 1 && len(inside) == 1:
		case n >= len(inside):
			return malformed("sample entry %d: data reference %d of %d", i+1, n, len(inside)-1)
		case !inside[n]:
			return unsupported("sample entry %d: samples lie in another file", i+1)
		}
	}
	return nil
}

// referenceIndex returns the data_reference_index of a sample entry (8.5.2.2).
func referenceIndex(entry []byte) uint16 {
	return binary.BigEndian.Uint16(entry[shortHeader+6:])
}

// handlerName returns the name in hdlr, without the length byte that QuickTime puts before it.
func handlerName(h *boxes.HdlrBox) string {
	const quickTime = 0x6d686c72 // "mhlr", the component type, where ISO has pre_defined 0
	name := h.Name
	if h.PreDefined == quickTime && name != "" && int(name[0]) == len(name)-1 {
		name = name[1:]
	}
	return cleanName(name)
}

// cleanName ends name where a reader would end it, and takes length bytes of QuickTime off its
// front, which some ISO files have too. Cleaning twice changes nothing.
func cleanName(name string) string {
	name, _, _ = strings.Cut(name, "\x00")
	for name != "" && name[0] < ' ' && int(name[0]) == len(name)-1 {
		name = name[1:]
	}
	return name
}

// undetermined is the language code of ISO 639-2 for not known.
const undetermined = "und"

// language unpacks the code in mdhd (8.4.2.3): three letters of five bits. Values below 0x400 are
// languages of the Macintosh, of which 0 is English; 0x7fff is QuickTime's "unspecified".
func language(code uint16) string {
	if code == 0 {
		return "eng"
	}
	s := string([]byte{byte(code>>10&31) + 0x60, byte(code>>5&31) + 0x60, byte(code&31) + 0x60})
	if !isLanguage(s) {
		return undetermined
	}
	return s
}

// isLanguage says whether s can be packed into mdhd.
func isLanguage(s string) bool {
	for i := range len(s) {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return len(s) == 3
}

// readEdits reads the edit list of a track (8.6.6). Empty edits without length are dropped.
func readEdits(trak []byte) ([]media.Edit, error) {
	edts, ok := child(trak, "edts")
	if !ok {
		return nil, nil
	}
	elst, err := decodeOptional[*boxes.ElstBox](edts.body, "elst")
	if err != nil || elst == nil {
		return nil, err
	}
	if len(elst.Entries) > maxEdits {
		return nil, unsupported("elst: %d edits: at most %d are read", len(elst.Entries), maxEdits)
	}
	var edits []media.Edit
	total := uint64(0)
	for i, e := range elst.Entries {
		if e.MediaRateInteger != 1 || e.MediaRateFraction != 0 {
			return nil, unsupported("elst: edit %d: rate %d/65536: want 1", i+1, e.MediaRateFixed32())
		}
		if e.MediaTime < -1 || e.MediaTime > maxTicks || e.SegmentDuration > maxTicks-total {
			return nil, malformed("elst: edit %d: media time %d, duration %d ticks", i+1, e.MediaTime, e.SegmentDuration)
		}
		total += e.SegmentDuration
		if e.MediaTime < 0 && e.SegmentDuration == 0 {
			continue
		}
		edits = append(edits, media.Edit{Duration: int64(e.SegmentDuration), Media: e.MediaTime})
	}
	return edits, nil
}
