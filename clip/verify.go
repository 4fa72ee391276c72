package clip

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mp4"
	"github.com/kvsclip/kvsclip/internal/proof"
)

// Errors of Verify that come with a verdict.
var (
	// ErrDiffers means that a clip is not as its receipt says. ErrUntrusted is one of its kind.
	ErrDiffers = errors.New("not as the receipt says")
	// ErrUntrusted means that a receipt is not signed by the key that was asked for. Its clip was not
	// compared with it.
	ErrUntrusted = errors.New("the receipt cannot be trusted")
	// ErrBroken means that a file's structure or tables are not those of a sound MP4.
	ErrBroken = errors.New("unsound")
)

// VerifyRequest is one clip to be checked.
type VerifyRequest struct {
	Clip    string // MP4 file, needed
	Receipt string // file that Request.Receipt named; "" means: check structure and tables alone
	// Key is a file with a public Ed25519 key in PEM. The receipt must then be signed by it, in a file
	// beside it whose name has SignatureSuffix added. "" means that the signature is not looked at.
	Key string
}

// Verdict is what was found out about a clip. Its JSON is a contract: keys are only added.
type Verdict struct {
	Clip       string  `json:"clip"` // as asked
	Bytes      int64   `json:"bytes"`
	SHA256     string  `json:"sha256"`
	Sound      bool    `json:"sound"`             // structure and tables are in order
	Problem    string  `json:"problem,omitempty"` // why it is not sound
	DurationMs int64   `json:"durationMs,omitempty"`
	Tracks     []Track `json:"tracks,omitempty"`
	// Receipt is what it was compared with; nil without one.
	Receipt *Compared `json:"receipt,omitempty"`
	Proven  bool      `json:"proven"` // every byte is as the receipt says
	// Media says that the bytes of every sample are as the receipt says, also where boxes around them
	// are not. It is absent in JSON when the receipt cannot be trusted.
	Media      bool        `json:"media"`
	Difference *Difference `json:"difference,omitempty"` // the first one found
	Notes      []string    `json:"notes,omitempty"`
}

// Untrusted says that the receipt's signature is missing or not one of the key, so that the clip was
// not compared with it.
func (v *Verdict) Untrusted() bool { return v.Difference != nil && v.Difference.What == whatSignature }

// MarshalJSON leaves out what is not known since nothing was compared.
func (v *Verdict) MarshalJSON() ([]byte, error) {
	type plain Verdict
	if !v.Untrusted() {
		return json.Marshal((*plain)(v))
	}
	return json.Marshal(struct {
		*plain
		Media *bool `json:"media,omitempty"` // stands before the one of plain
	}{plain: (*plain)(v)})
}

// Compared is the receipt that a clip was compared with.
type Compared struct {
	Version   string    `json:"kvsclip"`
	Made      Time      `json:"made"`
	Stream    string    `json:"stream,omitempty"`
	Requested *Instants `json:"requested,omitempty"`
	Output    string    `json:"output,omitempty"` // which of its files the clip is, "" if none
	Found     string    `json:"found,omitempty"`  // by what: "hash", "name" or "only"
	Fragments Fragments `json:"fragments"`
	Pieces    int       `json:"pieces"`
	Runs      int       `json:"runs,omitempty"` // of that file
	Seams     int       `json:"seams"`
	Gaps      int       `json:"gaps"`
	Missing   int       `json:"missing,omitempty"`
	// SignedBy is the fingerprint of the key that signed it: SHA-256 of the SubjectPublicKeyInfo, hex;
	// "" when that was not asked, or is not so.
	SignedBy string `json:"signedBy,omitempty"`
}

// Difference is the first place in which a clip is not as its receipt says. Keys that do not apply are
// absent.
//
// Of a signature there is no place: Want is the fingerprint of the key.
type Difference struct {
	// What differs: "media" (samples), "tables" (what tells where, when and how they play), "boxes"
	// (other bytes), "size", "file" (it is none of the receipt's), "signature" or "hash".
	What     string `json:"what"`
	Text     string `json:"text"`
	Box      string `json:"box,omitempty"`
	Track    uint32 `json:"track,omitempty"`
	Kind     string `json:"kind,omitempty"`
	First    int    `json:"first,omitempty"` // sample number, from 1
	Samples  int    `json:"samples,omitempty"`
	Piece    int    `json:"piece,omitempty"`
	Fragment string `json:"fragment,omitempty"`
	At       Time   `json:"at,omitzero"`      // when the first sample was taken, producer clock
	FileMs   int64  `json:"fileMs,omitempty"` // its decode time in the file's media
	// From and To are the bytes of the file among which it lies, To not included; 0 and 0 if that does
	// not apply.
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Want   string `json:"want,omitempty"`
	Got    string `json:"got,omitempty"`
	Others int    `json:"others,omitempty"` // more runs of samples that differ

	full string // all of it in a sentence
}

const whatSignature = "signature" // a Difference.What

// Verify checks a clip: its structure and tables, and with a receipt that every byte is the one that
// was written. It decodes nothing. With an error that wraps ErrDiffers or ErrBroken the verdict is
// there too, and tells the first difference; with any other there is none.
func Verify(ctx context.Context, r VerifyRequest) (*Verdict, error) {
	if r.Clip == "" || r.Key != "" && r.Receipt == "" {
		return nil, fmt.Errorf("%w: a clip is needed, and with a key a receipt", ErrUsage)
	}
	against, err := openEvidence(r)
	if err != nil {
		return nil, err
	}
	f, size, err := openClip(r.Clip)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v := &verifier{ctx: ctx, file: f, Verdict: &Verdict{Clip: r.Clip, Bytes: size}}
	if err := v.look(); err != nil {
		return nil, err
	}
	if against != nil {
		if err := v.compare(against); err != nil {
			return nil, err
		}
	}
	return v.Verdict, v.err()
}

func openClip(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%w: %q is no file", ErrLocal, path)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

// evidence is a receipt, and what its signature is worth.
type evidence struct {
	*Receipt
	signedBy string
	unsigned *Difference // why the signature is not one of the key
	note     string
}

// openEvidence reads receipt and signature; nil where no receipt is named.
func openEvidence(r VerifyRequest) (*evidence, error) {
	if r.Receipt == "" {
		return nil, nil
	}
	var key ed25519.PublicKey
	var err error
	if r.Key != "" {
		if key, err = readPublic(r.Key); err != nil {
			return nil, err
		}
	}
	b, err := readLimited(r.Receipt, maxReceipt)
	if errors.Is(err, errTooLarge) {
		return nil, fmt.Errorf("%q: %w: %w", r.Receipt, ErrReceipt, err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the receipt: %w", err)
	}
	e := &evidence{}
	if err := e.signature(b, r.Receipt, key); err != nil {
		return nil, err
	}
	if e.Receipt, err = parseReceipt(b); err != nil {
		return nil, fmt.Errorf("%q: %w", r.Receipt, err)
	}
	return e, nil
}

// signature finds out whether the file beside the one named name, which holds receipt, has its
// signature by key. A nil key makes it note that nobody asked.
func (e *evidence) signature(receipt []byte, name string, key ed25519.PublicKey) error {
	path := name + SignatureSuffix
	sig, err := readLimited(path, maxKey)
	missing := errors.Is(err, fs.ErrNotExist)
	if key == nil {
		if !missing {
			e.note = fmt.Sprintf("%q is a signature of the receipt that was not checked: --key PUB.pem does", filepath.Base(path))
		}
		return nil
	}
	differ := func(text, got string) {
		e.unsigned = &Difference{
			What: whatSignature, Text: text, Want: fingerprint(key), Got: got,
			full: fmt.Sprintf("%q: %v: no signature by the key %s: %s", name, ErrUntrusted, fingerprint(key), text),
		}
	}
	switch {
	case missing:
		differ("the receipt has no signature beside it, in "+strconv.Quote(filepath.Base(path)), "none")
	case err != nil && !errors.Is(err, errTooLarge):
		return fmt.Errorf("reading the signature: %w", err)
	case len(sig) != ed25519.SignatureSize:
		differ("the signature is not one of an Ed25519 key", fmt.Sprintf("more or less than %d bytes", ed25519.SignatureSize))
	case !ed25519.Verify(key, receipt, sig):
		differ("the receipt or its signature was changed, or another key signed it", "no signature of this key")
	default:
		e.signedBy = fingerprint(key)
	}
	return nil
}

// verifier is one clip being checked.
type verifier struct {
	*Verdict
	ctx   context.Context // of the one Verify this lives for
	file  *os.File
	movie *media.Movie // nil if it cannot be read
}

// look finds out what can be known of the file by itself.
func (v *verifier) look() (err error) {
	if v.SHA256, err = hashFile(v.ctx, v.file, v.Bytes); err != nil {
		return err
	}
	if v.movie, err = mp4.Read(v.file, v.Bytes); err == nil {
		v.Tracks, v.DurationMs = tracks(v.movie.Tracks), plays(v.movie).Milliseconds()
		err = mp4.Verify(v.movie)
	}
	switch {
	case err == nil:
		v.Sound = true
	case isUnsound(err):
		v.Problem = err.Error()
	default:
		return err
	}
	return nil
}

// isUnsound says that an error is of what was read, not of reading.
func isUnsound(err error) bool {
	for _, kind := range []error{mp4.ErrNotMP4, mp4.ErrTruncated, mp4.ErrFragmented, mp4.ErrMalformed, mp4.ErrUnsupported} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// plays is how long a movie plays: the longest of its tracks' edit lists.
func plays(m *media.Movie) time.Duration {
	var longest int64
	for _, t := range m.Tracks {
		var d int64
		for _, e := range t.Edits {
			d += e.Duration
		}
		longest = max(longest, d)
	}
	if longest == 0 {
		return m.Length()
	}
	return time.Duration(media.Rescale(longest, m.Timescale, uint32(time.Second)))
}

// compare compares the file with the receipt and fills the verdict.
func (v *verifier) compare(e *evidence) error {
	v.Receipt = &Compared{
		Version: e.Version, Made: e.Made, Stream: e.Stream, Requested: e.Requested, Fragments: e.Fragments,
		Pieces: len(e.Pieces), Seams: len(e.Seams), Gaps: len(e.Gaps), Missing: len(e.Missing), SignedBy: e.signedBy,
	}
	if e.note != "" {
		v.Notes = append(v.Notes, e.note)
	}
	if v.Difference = e.unsigned; e.unsigned != nil {
		return nil
	}
	o, found := e.output(v.SHA256, filepath.Base(v.Clip))
	if o == nil {
		v.Difference = &Difference{What: "file", Text: fmt.Sprintf("the clip is none of the receipt's %d files, by hash or name", len(e.Outputs)), Got: v.SHA256}
		return nil
	}
	v.Receipt.Output, v.Receipt.Found, v.Receipt.Runs = o.Name, found, len(o.Runs)
	if v.Proven = o.Bytes == v.Bytes && o.SHA256 == v.SHA256; v.Proven {
		v.Media = true
		return nil
	}
	if o.Bytes != v.Bytes {
		v.Notes = append(v.Notes, fmt.Sprintf("the file has %d bytes, and had %d", v.Bytes, o.Bytes))
	}
	return v.search(o)
}

// output finds the file of the receipt that a clip is: by hash, else by name, else because there is
// but one.
func (r *Receipt) output(sum, name string) (o *ReceiptOutput, found string) {
	for i := range r.Outputs {
		if r.Outputs[i].SHA256 == sum {
			return &r.Outputs[i], "hash"
		}
		if r.Outputs[i].Name == name {
			o, found = &r.Outputs[i], "name"
		}
	}
	if o == nil && len(r.Outputs) == 1 {
		return &r.Outputs[0], "only"
	}
	return o, found
}

// search finds the first difference between the file and o, which there is.
func (v *verifier) search(o *ReceiptOutput) error {
	d, err := v.first(o)
	if err != nil {
		return err
	}
	v.Difference = d
	if d.What == string(proof.PlaceMedia) || v.movie == nil {
		return nil
	}
	err = proof.Check(v.ctx, v.movie, o.runs())
	if _, ok := errors.AsType[*proof.Difference](err); ok {
		return nil
	}
	v.Media = err == nil
	return err
}

// first compares tables and other boxes, then samples, then what lies between those.
func (v *verifier) first(o *ReceiptOutput) (*Difference, error) {
	regions := o.regions()
	d, err := different(proof.CheckRegions(v.ctx, v.file, regions, nil))
	if d != nil || err != nil {
		return d, err
	}
	m, err := v.then(o.Bytes)
	if err != nil {
		return nil, err
	}
	if m == nil || proof.Tables(m) != o.Tables {
		return &Difference{What: string(proof.PlaceTables), Text: "what the tables say", Want: o.Tables}, nil
	}
	if d, err = different(proof.Check(v.ctx, m, o.runs())); d != nil || err != nil {
		return d, err
	}
	if d, err = different(proof.CheckRegions(v.ctx, v.file, regions, m)); d != nil || err != nil {
		return d, err
	}
	return v.rest(o), nil
}

// then reads the movie as it was in a file of size bytes, of which now more or fewer may be there; nil
// if it cannot be read.
func (v *verifier) then(size int64) (*media.Movie, error) {
	if size == v.Bytes {
		return v.movie, nil
	}
	m, err := mp4.Read(io.NewSectionReader(v.file, 0, size), size)
	if err != nil && !isUnsound(err) {
		return nil, err
	}
	return m, nil
}

// rest tells what differs when all that o speaks of agrees.
func (v *verifier) rest(o *ReceiptOutput) *Difference {
	if v.Bytes > o.Bytes {
		return &Difference{
			What: "size", Text: "bytes behind the end", From: o.Bytes, To: v.Bytes,
			Want: strconv.FormatInt(o.Bytes, 10) + " bytes", Got: strconv.FormatInt(v.Bytes, 10) + " bytes",
		}
	}
	return &Difference{What: "hash", Text: "the hash of the whole file, though no part that the receipt tells of differs", To: v.Bytes, Want: o.SHA256, Got: v.SHA256}
}

// different sorts differences from other errors.
func different(err error) (*Difference, error) {
	d, ok := errors.AsType[*proof.Difference](err)
	if !ok {
		return nil, err
	}
	return &Difference{
		What: string(d.Place), Text: d.Text, Box: d.Box, Track: d.Track, Kind: string(d.Kind), First: d.First, Samples: d.Count,
		Piece: d.Piece, Fragment: d.Fragment, At: Time{d.At}, FileMs: d.Into.Milliseconds(), From: d.From, To: d.To,
		Want: d.Want, Got: d.Got, Others: d.Others, full: d.Error(),
	}, nil
}

// err returns the verdict as an error, nil if all is well.
func (v *Verdict) err() error {
	switch {
	case v.Untrusted():
		return untrustedError{v.Difference.String()}
	case v.Difference != nil:
		return fmt.Errorf("%q: %w: %s", v.Clip, ErrDiffers, v.Difference)
	case !v.Sound:
		return fmt.Errorf("%q: %w: %s", v.Clip, ErrBroken, v.Problem)
	}
	return nil
}

// untrustedError is ErrUntrusted, and ErrDiffers for those that do not ask which, with its own text.
type untrustedError struct{ text string }

func (e untrustedError) Error() string { return e.text }

func (untrustedError) Unwrap() []error { return []error{ErrUntrusted, ErrDiffers} }

// String tells the difference in a sentence.
func (d *Difference) String() string {
	if d.full != "" {
		return d.full
	}
	if d.To > 0 {
		return fmt.Sprintf("%s, in bytes %d to %d of the file, both included", d.Text, d.From, d.To-1)
	}
	return d.Text
}

// hashFile returns the SHA-256 of the first size bytes of a file, in hex.
func hashFile(ctx context.Context, r io.ReaderAt, size int64) (string, error) {
	h, block := sha256.New(), make([]byte, 1<<20)
	for at := int64(0); at < size; {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		n, err := r.ReadAt(block[:min(int64(len(block)), size-at)], at)
		if n == 0 {
			return "", fmt.Errorf("%w: reading the clip: %d of %d bytes: %w", ErrLocal, at, size, err)
		}
		h.Write(block[:n])
		at += int64(n)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
