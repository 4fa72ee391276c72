package e2e_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// provable is a download with a receipt, and what there is to hold it against.
type provable struct {
	*home
	camera string
	args   []string // of kvsclip get, without output and receipt

	mu  sync.Mutex // guards ids
	ids []string   // of the answers of GetClip, as the service knows them
}

// Credentials that must not be found anywhere.
const (
	secretID    = "AKIAPROVABLEPROVABLE"
	secretKey   = "proVable/Secret+Key"
	secretToken = "proVableSessionToken"
)

// newProvable starts the service, whose clock stands still: so the same question has the same
// answer, to the byte.
func newProvable(t *testing.T) *provable {
	t.Helper()
	p := &provable{camera: "door:size=320x192,fps=5,gop=1s,sound=aac,for=2m,gap=40s+10s"}
	now := begin.Add(48 * time.Hour)
	emu := &kvsemu.Server{NoPoints: true, Now: func() time.Time { return now }, Log: func(c kvsemu.Call) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if c.Op == "GetClip" && c.Status == 200 {
			p.ids = append(p.ids, c.RequestID)
		}
	}}
	h := serve(t, emu, p.camera)
	p.home = newHome(t, slices.Concat(h.env, []string{"AWS_ACCESS_KEY_ID=" + secretID, "AWS_SECRET_ACCESS_KEY=" + secretKey, "AWS_SESSION_TOKEN=" + secretToken})...)
	p.args = []string{"get", "door", "--from", after(0), "--for", "2m", "--clock", "producer", "--piece", "20s"}
	p.openssl(t, "genpkey", "-algorithm", "ed25519", "-out", "key.pem")
	p.openssl(t, "pkey", "-in", "key.pem", "-pubout", "-out", "pub.pem")
	if err := os.Chmod(p.path("key.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// openssl runs openssl in the folder; it must succeed.
func (h *home) openssl(t testing.TB, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "openssl", args...)
	cmd.Dir = h.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl %q: %v\n%s", args, err, out)
	}
}

// get downloads with a signed receipt, and returns the report and the receipt.
func (p *provable) get(t *testing.T, name string, more ...string) (*clip.Report, *clip.Receipt) {
	t.Helper()
	p.mu.Lock()
	p.ids = nil
	p.mu.Unlock()
	report := p.report(t, slices.Concat(p.args, more, []string{"-o", name + ".mp4", "--receipt", name + ".json", "--sign", "key.pem"})...)
	b := p.read(t, name+".json")
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var receipt clip.Receipt
	if err := d.Decode(&receipt); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{secretID, secretKey, secretToken, p.dir, filepath.Dir(p.dir), "://", "127.0.0.1", "key.pem"} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s: %q is in it", name+".json", secret)
		}
	}
	return report, &receipt
}

func (h *home) read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(h.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (h *home) write(t testing.TB, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(h.path(name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestGetReceipt(t *testing.T) {
	t.Parallel()
	p := newProvable(t)
	for _, policy := range []string{"squeeze", "keep", "split"} {
		t.Run(policy, func(t *testing.T) {
			report, receipt := p.get(t, policy, "--gaps", policy)
			if want := map[string]int{"split": 2}[policy]; len(receipt.Outputs) != max(want, 1) || len(report.Outputs) != len(receipt.Outputs) {
				t.Fatalf("%d outputs in the receipt, %d in the report", len(receipt.Outputs), len(report.Outputs))
			}
			p.asked(t, receipt)
			p.answers(t, receipt)
			for i, o := range receipt.Outputs {
				p.proven(t, policy+".json", o, report.Outputs[i])
			}
			p.openssl(t, "pkeyutl", "-verify", "-pubin", "-inkey", "pub.pem", "-rawin", "-in", policy+".json", "-sigfile", policy+".json.sig")
		})
	}
}

// uuid is the form of a request's id.
var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// asked holds the pieces of a receipt against what the service was asked and what was recorded.
func (p *provable) asked(t *testing.T, receipt *clip.Receipt) {
	t.Helper()
	var ids []string
	var fs []kvsemu.Fragment
	for i, pc := range receipt.Pieces {
		ids = append(ids, pc.RequestID)
		if pc.Piece != i+1 || !uuid.MatchString(pc.RequestID) {
			t.Errorf("piece %d: number %d, request %q", i+1, pc.Piece, pc.RequestID)
		}
		for _, f := range pc.Fragments {
			fs = append(fs, kvsemu.Fragment{Number: f.Number, Producer: f.Producer.UTC(), Server: f.Server.UTC(), Length: time.Duration(f.LengthMs) * time.Millisecond, Size: f.Bytes})
		}
	}
	slices.Sort(ids)
	if known := slices.Sorted(slices.Values(p.ids)); !slices.Equal(ids, known) {
		t.Errorf("requests %v, and the service answered %v", ids, known)
	}
	want := uploads(t, p.camera)
	for i := range want {
		want[i].First, want[i].Pictures = 0, 0 // the service does not tell them
	}
	if !slices.Equal(fs, want) {
		t.Errorf("%d fragments of pieces, which are not the %d recorded", len(fs), len(want))
	}
	if receipt.Stream != "door" || receipt.Fragments != (clip.Fragments{Listed: 110, Fetched: 110}) || len(receipt.Gaps) != 1 || len(receipt.Missing) != 0 {
		t.Errorf("stream %q, %+v, gaps %v", receipt.Stream, receipt.Fragments, receipt.Gaps)
	}
}

// answers holds the hashes of the pieces against the pieces themselves, downloaded once more.
func (p *provable) answers(t *testing.T, receipt *clip.Receipt) {
	t.Helper()
	h := newHome(t, p.env...)
	outputs := h.report(t, append(p.args, "--merge", "none")...).Outputs
	if len(outputs) != len(receipt.Pieces) {
		t.Fatalf("%d pieces, want %d", len(receipt.Pieces), len(outputs))
	}
	for i, pc := range receipt.Pieces {
		if pc.SHA256 != fileHash(t, h.path(outputs[i].Path)) || pc.Bytes != outputs[i].Bytes {
			t.Errorf("piece %d: %d bytes, hash %s, and its answer has %d, %s", i+1, pc.Bytes, pc.SHA256, outputs[i].Bytes, outputs[i].SHA256)
		}
	}
}

// proven says that one file is what the receipt says, and that its runs hold each sample once.
func (p *provable) proven(t *testing.T, receipt string, o clip.ReceiptOutput, told clip.Output) {
	t.Helper()
	if o.Name != told.Path || o.SHA256 != fileHash(t, p.path(o.Name)) || o.Bytes != told.Bytes {
		t.Errorf("%s: %d bytes, hash %s, and told as %+v", o.Name, o.Bytes, o.SHA256, told)
	}
	next := map[uint32]int{}
	for _, r := range o.Runs {
		if r.First != next[r.Track]+1 || r.Piece == 0 != (r.Fragment == "") {
			t.Errorf("%s: run %+v behind sample %d", o.Name, r, next[r.Track])
		}
		next[r.Track] += r.Samples
	}
	for i, stream := range []string{"v:0", "a:0"} {
		if n := len(judgetest.Packets(t, p.path(o.Name), stream)); next[uint32(i+1)] != n {
			t.Errorf("%s: runs of %d samples of %s, and there are %d", o.Name, next[uint32(i+1)], stream, n)
		}
	}
	v, code := p.verify(t, o.Name, receipt, "--key", "pub.pem")
	if code != 0 || !v.Proven || !v.Media || !v.Sound || v.Difference != nil || v.Receipt.SignedBy == "" || v.Receipt.Output != o.Name {
		t.Errorf("%s: exit code %d, %+v, receipt %+v", o.Name, code, v, v.Receipt)
	}
}

// verify runs kvsclip verify with --json.
func (h *home) verify(t testing.TB, args ...string) (v clip.Verdict, code int) {
	t.Helper()
	r := h.run(t, slices.Concat([]string{"verify"}, args, []string{"--json"})...)
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatalf("verify %q: exit code %d, %v\n%s%s", args, r.code, err, r.stdout, r.stderr)
	}
	return v, r.code
}

// differs says that a damaged clip differs from its receipt, and returns where.
func (p *provable) differs(t *testing.T, name string, b []byte, receipt string, more ...string) clip.Difference {
	t.Helper()
	p.write(t, name, b)
	v, code := p.verify(t, append([]string{name, receipt}, more...)...)
	if code != 1 || v.Proven || v.Difference == nil {
		t.Fatalf("%s against %s: exit code %d, proven %v, difference %v", name, receipt, code, v.Proven, v.Difference)
	}
	return *v.Difference
}

// Every byte counts: whichever is changed, verify says so and names where it is and what it was.
func TestGetReceiptFindsChangedBytes(t *testing.T) {
	t.Parallel()
	p := newProvable(t)
	p.get(t, "clip")
	whole := p.read(t, "clip.mp4")
	fragments := p.inside(t, "clip.mp4")
	chance := rand.New(rand.NewPCG(40, 8))
	for _, box := range boxes(t, whole) {
		n := map[string]int{"mdat": 40, "moov": 20}[box.name]
		for range max(n, 4) {
			at := box.from + chance.Int64N(box.to-box.from)
			damaged := slices.Clone(whole)
			damaged[at] ^= byte(1 << chance.IntN(8))
			d := p.differs(t, "damaged.mp4", damaged, "clip.json")
			if d.From > at || at >= d.To {
				t.Errorf("byte %d of %s: told to lie in %d to %d: %s", at, box.name, d.From, d.To, d.Text)
			}
			if want := fragments(at); want != "" && (d.What != "media" || d.Fragment != want || d.Piece == 0) {
				t.Errorf("byte %d: %s of fragment %q of piece %d, want %q", at, d.What, d.Fragment, d.Piece, want)
			}
			if box.name == "mdat" && at >= box.from+8 && d.Fragment == "" {
				t.Errorf("byte %d: no fragment is named: %+v", at, d)
			}
		}
	}
	p.write(t, "damaged.mp4", whole)
	if v, code := p.verify(t, "damaged.mp4", "clip.json"); code != 0 || !v.Proven {
		t.Errorf("mended: exit code %d, %+v", code, v)
	}
}

// inside returns a function that tells which fragment the picture is from that a byte of a clip
// belongs to; "" for bytes of no picture. The clip has all that was recorded.
func (p *provable) inside(t *testing.T, name string) func(at int64) string {
	t.Helper()
	type place struct {
		from, size int64
		number     string
	}
	var pictures []string
	for _, f := range uploads(t, p.camera) {
		pictures = append(pictures, slices.Repeat([]string{f.Number}, f.Pictures)...)
	}
	var places []place
	for i, line := range strings.Fields(string(probe(t, p.path(name), "-select_streams", "v:0", "-show_entries", "packet=size,pos", "-of", "csv=p=0"))) {
		size, pos, _ := strings.Cut(line, ",")
		n, err1 := strconv.ParseInt(size, 10, 64)
		from, err2 := strconv.ParseInt(strings.TrimRight(pos, ","), 10, 64)
		if err1 != nil || err2 != nil || i >= len(pictures) {
			t.Fatalf("packet %d: %q", i, line)
		}
		places = append(places, place{from, n, pictures[i]})
	}
	if len(places) != len(pictures) {
		t.Fatalf("%d pictures in the file of %d", len(places), len(pictures))
	}
	return func(at int64) string {
		for _, p := range places {
			if p.from <= at && at < p.from+p.size {
				return p.number
			}
		}
		return ""
	}
}

// box is a box of a file, from its header to its end.
type box struct {
	name     string
	from, to int64
}

// boxes lists the boxes that a file consists of; none here is larger than 4 GB.
func boxes(t *testing.T, b []byte) (out []box) {
	t.Helper()
	for at := 0; at < len(b); {
		size := int(binary.BigEndian.Uint32(b[at:]))
		if size < 8 || at+size > len(b) {
			t.Fatalf("a box of %d bytes at %d", size, at)
		}
		out = append(out, box{string(b[at+4 : at+8]), int64(at), int64(at + size)})
		at += size
	}
	return out
}

// What is cut off, appended, or another clip altogether differs too.
func TestGetReceiptOfAnotherFile(t *testing.T) {
	t.Parallel()
	p := newProvable(t)
	p.get(t, "clip")
	other := p.report(t, "get", "door", "--from", after(0), "--for", "1m", "--clock", "producer", "-o", "other.mp4", "--receipt", "other.json")
	whole := p.read(t, "clip.mp4")
	for _, n := range []int{1, 1000, len(whole) / 2, len(whole) - 20} {
		if d := p.differs(t, "damaged.mp4", whole[:len(whole)-n], "clip.json"); d.Text == "" {
			t.Errorf("%d bytes cut off: %+v", n, d)
		}
	}
	if d := p.differs(t, "damaged.mp4", append(slices.Clone(whole), 0), "clip.json"); d.What != "size" || d.From != int64(len(whole)) {
		t.Errorf("a byte appended: %+v", d)
	}
	p.differs(t, "clip2.mp4", whole, "other.json")
	p.differs(t, "other2.mp4", p.read(t, other.Outputs[0].Path), "clip.json")
	if r := p.run(t, "verify", "clip.mp4", "key.pem"); r.code != 1 || !strings.Contains(r.stderr, "receipt") {
		t.Errorf("no receipt: exit code %d\n%s", r.code, r.stderr)
	}
}

// A signature holds for every byte of the receipt, and for one key.
func TestGetReceiptSignature(t *testing.T) {
	t.Parallel()
	p := newProvable(t)
	p.get(t, "clip")
	receipt, whole := p.read(t, "clip.json"), p.read(t, "clip.mp4")
	p.openssl(t, "genpkey", "-algorithm", "ed25519", "-out", "key2.pem")
	p.openssl(t, "pkey", "-in", "key2.pem", "-pubout", "-out", "pub2.pem")
	if d := p.differs(t, "clip.mp4", whole, "clip.json", "--key", "pub2.pem"); d.What != "signature" {
		t.Errorf("another key: %+v", d)
	}
	at := bytes.Index(receipt, []byte(`"stream"`)) + len(`"stream": "d`)
	receipt[at] ^= 1
	p.write(t, "clip.json", receipt)
	if d := p.differs(t, "clip.mp4", whole, "clip.json", "--key", "pub.pem"); d.What != "signature" {
		t.Errorf("a byte of the receipt changed: %+v", d)
	}
	if err := os.Remove(p.path("clip.json.sig")); err != nil {
		t.Fatal(err)
	}
	if d := p.differs(t, "clip.mp4", whole, "clip.json", "--key", "pub.pem"); d.What != "signature" {
		t.Errorf("no signature: %+v", d)
	}
}

// What could not be had is in the receipt too, and silence in a kept hole belongs to no piece.
func TestGetReceiptOfAnIncompleteClip(t *testing.T) {
	t.Parallel()
	l := lose(t, "lost=40s+10s")
	l.allowed(t, l.get("clip.mp4", "producer", "--gaps", "keep", "--receipt", "r.json"))
	var receipt clip.Receipt
	if err := json.Unmarshal(l.read(t, "r.json"), &receipt); err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, m := range receipt.Missing {
		missing = append(missing, m.Fragment)
	}
	silence := 0
	for _, r := range receipt.Outputs[0].Runs {
		if r.Piece == 0 {
			silence += r.Samples
		}
	}
	if want := 10 * 48000 / 1024; !slices.Equal(missing, l.numbers) || silence < want-2 || silence > want+2 {
		t.Errorf("missing %v, %d blocks of silence, want %v and about %d", missing, silence, l.numbers, want)
	}
	if v, code := l.verify(t, "clip.mp4", "r.json"); code != 0 || !v.Proven || v.Receipt.Missing != len(l.numbers) {
		t.Errorf("exit code %d, %+v", code, v)
	}
	if text := fmt.Sprint(l.run(t, "verify", "clip.mp4", "r.json").stdout); !strings.Contains(text, "5 fragments could not be had") {
		t.Errorf("people are not told what is missing:\n%s", text)
	}
}
