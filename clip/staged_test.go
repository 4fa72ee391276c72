package clip

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// t0 is when recordings here begin.
var t0 = time.Date(2026, 2, 3, 9, 0, 0, 0, time.UTC)

// emulated starts a camera and opens a client of it.
func emulated(t *testing.T, c kvsemu.Camera) *Client {
	t.Helper()
	c.From, c.Width, c.Height, c.FPS, c.For = t0, 320, 192, 5, 5*time.Minute
	emu := &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"cam": c}, NoPoints: true}
	run, err := kvsemu.Start(t.Context(), emu, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Close() })
	client, err := Open(t.Context(), Config{Anonymous: true, EndpointURL: run.URL, Retries: 1, Version: "v1", Region: "us-west-2"})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// minute asks for the first minute in three pieces.
func minute(dir string) Request {
	return Request{Stream: "cam", Range: archive.Range{Clock: archive.Producer, From: t0, To: t0.Add(time.Minute)}, Piece: 20 * time.Second, Output: filepath.Join(dir, "clip.mp4")}
}

// killedBeforeNames does all of Get up to the journal's done, and stops there as a kill would.
func killedBeforeNames(t *testing.T, c *Client, r Request, named int) {
	t.Helper()
	ctx := t.Context()
	r, err := r.checked()
	if err != nil {
		t.Fatal(err)
	}
	g := &get{Client: c, Request: r, path: r.output(), before: c.door.Calls()}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(g.open())
	must(g.readKey())
	p, err := g.planned(ctx)
	must(err)
	g.begin(p)
	f, err := g.fetch(ctx, p)
	must(err)
	report := g.account(p, f)
	files, err := g.stage(ctx, report, p, f)
	must(err)
	f.Close()
	must(g.folder.SetDone(done{Report: report, Files: files, For: g.outcome()}))
	must(g.publish(ctx, files[:named]))
	g.folder.Close()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// keyFile writes a key to sign with.
func keyFile(t *testing.T, mode os.FileMode) string {
	_, k, _ := ed25519.GenerateKey(rand.Reader)
	der, _ := x509.MarshalPKCS8PrivateKey(k)
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// The receipt that is asked for is written, whatever an earlier run had staged.
func TestAnotherReceiptIsNotTheOneThatWasMade(t *testing.T) {
	c, dir := emulated(t, kvsemu.Camera{}), t.TempDir()
	r := minute(dir)
	r.Receipt = filepath.Join(dir, "a.json")
	killedBeforeNames(t, c, r, 0)
	r.Receipt = filepath.Join(dir, "b.json")
	_, err := c.Get(t.Context(), r)
	if err != nil || !exists(r.Receipt) {
		t.Errorf("err %v; b.json exists %t, a.json exists %t", err, exists(r.Receipt), exists(filepath.Join(dir, "a.json")))
	}
}

// A key that is asked for is read, whatever an earlier run had staged.
func TestAKeyIsReadWhateverWasMade(t *testing.T) {
	c, dir := emulated(t, kvsemu.Camera{}), t.TempDir()
	r := minute(dir)
	r.Receipt = filepath.Join(dir, "a.json")
	killedBeforeNames(t, c, r, 0)
	r.SignKey = filepath.Join(dir, "there-is-no-such-key.pem")
	rep, err := c.Get(t.Context(), r)
	if err == nil {
		t.Errorf("a key that does not exist: success %+v, sig exists %t", rep.Notes, exists(r.Receipt+SignatureSuffix))
	}
}

// A stream of another account is another one, though its name is the same.
func TestFootageOfOneAccountIsNotThatOfAnother(t *testing.T) {
	c, dir := emulated(t, kvsemu.Camera{}), t.TempDir()
	r := minute(dir)
	r.Stream = "arn:aws:kinesisvideo:" + c.Region() + ":111122223333:stream/cam/1"
	if d, err := c.door.Describe(t.Context(), "cam"); err == nil {
		r.Stream = strings.Replace(d.ARN, "us-west-2", c.Region(), 1)
	}
	killedBeforeNames(t, c, r, 0)
	before := c.door.Calls()
	r.Stream = "arn:aws:kinesisvideo:" + c.Region() + ":999999999999:stream/cam/1700000000000"
	rep, err := c.Get(t.Context(), r)
	if err == nil {
		t.Errorf("footage of one account given as that of another: %v, calls since %+v", rep.Notes, c.door.Calls().GetClip-before.GetClip)
	} else {
		t.Log(err)
	}
}

// A receipt never takes the place of the clip.
func TestReceiptAndClipNeedTwoNames(t *testing.T) {
	c, dir := emulated(t, kvsemu.Camera{}), t.TempDir()
	r := minute(dir)
	r.Receipt, r.Force = r.Output, true
	_, err := c.Get(t.Context(), r)
	b, _ := os.ReadFile(r.Output)
	if err == nil {
		t.Errorf("success, but the clip is %.20q; pieces kept: %t", b, exists(r.Output+".pieces"))
	}
}

// What is told of the footage is part of the proof.
func TestReceiptsTellOfFootageLeftOut(t *testing.T) {
	c, dir := emulated(t, kvsemu.Camera{Again: []kvsemu.Again{{After: 10 * time.Second, Length: 10 * time.Second}}}), t.TempDir()
	r := minute(dir)
	r.Receipt = filepath.Join(dir, "a.json")
	if _, err := c.Get(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(r.Receipt); err != nil || !strings.Contains(string(b), "fragments are left out") {
		t.Errorf("%v: the receipt says nothing of what is left out: %.600s", err, b)
	}
}

// What is told of this machine stays out of receipts.
func TestReceiptsNameNoFolders(t *testing.T) {
	c, dir := emulated(t, kvsemu.Camera{}), t.TempDir()
	r := minute(dir)
	killedBeforeNames(t, c, r, 0)
	r.Receipt, r.SignKey = filepath.Join(dir, "a.json"), keyFile(t, 0o644)
	if _, err := c.Get(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(r.Receipt)
	for _, secret := range []string{dir, filepath.Dir(r.SignKey)} {
		if i := strings.Index(string(b), secret); i >= 0 {
			t.Errorf("receipt: ...%.220s", b[max(0, i-60):])
		}
	}
}

// Files that begin at one instant have names of their own.
func TestSplitNamesDiffer(t *testing.T) {
	g := &get{Request: Request{Gaps: GapsSplit}, path: "clip.mp4"}
	var files []staged
	seen := map[string]bool{}
	for i := range 3 {
		n := g.splitName(t0, t0.Add(time.Minute), i+1, files)
		if seen[n] {
			t.Errorf("%s twice", n)
		}
		seen[n] = true
		files = append(files, staged{Name: n})
	}
}

// The working folder may have changed between two runs.
func TestAFinishedClipIsReportedWhereItIs(t *testing.T) {
	c, dir := emulated(t, kvsemu.Camera{}), t.TempDir()
	os.Mkdir(filepath.Join(dir, "sub"), 0o755)
	r := minute(dir)
	t.Chdir(dir)
	r.Output = "sub/clip.mp4"
	killedBeforeNames(t, c, r, 0)
	t.Chdir(filepath.Join(dir, "sub"))
	r.Output = "clip.mp4"
	rep, err := c.Get(t.Context(), r)
	if err != nil || !exists(rep.Outputs[0].Path) {
		t.Errorf("%v: reported output %q is not there", err, rep.Outputs[0].Path)
	}
}

// What another version had staged is told, and made anew.
func TestAnotherVersionMakesTheClipItself(t *testing.T) {
	c, dir := emulated(t, kvsemu.Camera{}), t.TempDir()
	r := minute(dir)
	killedBeforeNames(t, c, r, 0)
	c.version = "v2"
	rep, err := c.Get(t.Context(), r)
	if err != nil || !strings.Contains(strings.Join(rep.Notes, "\n"), "another version") {
		t.Errorf("%v: a clip of v1 is given out by v2, notes %q", err, rep.Notes)
	}
}

// A bad minute of the service does not change the clip of the next run.
func TestABadMinuteLeavesNoMarks(t *testing.T) {
	var n atomic.Int64
	limit := int64(5)
	emu := &kvsemu.Server{NoPoints: true, Fault: func(r *http.Request) *kvsemu.Fault {
		if !strings.HasSuffix(r.URL.Path, "/getClip") {
			return nil
		}
		switch k := n.Add(1); {
		case k < limit:
			return &kvsemu.Fault{Status: 500}
		case k == limit:
			return &kvsemu.Fault{Status: 403, Code: "ExpiredTokenException"}
		}
		return nil
	}}
	emu.Cameras = map[string]kvsemu.Camera{"cam": {From: t0, Width: 320, Height: 192, FPS: 5, Sound: "aac", For: 8 * time.Minute}}
	run, err := kvsemu.Start(t.Context(), emu, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Close() })
	c, err := Open(t.Context(), Config{Anonymous: true, EndpointURL: run.URL, Retries: 1, Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := minute(dir)
	r.Piece, r.Incomplete = 0, true
	r.Range.From, r.Range.To = t0.Add(500*time.Millisecond), t0.Add(6*time.Minute+20*time.Second)
	if _, err := c.Get(t.Context(), r); err == nil {
		t.Fatal("no error")
	}
	again, err := c.Get(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Output = filepath.Join(dir, "undisturbed.mp4")
	calm, err := c.Get(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if again.Outputs[0].SHA256 != calm.Outputs[0].SHA256 {
		t.Errorf("run again: %d calls, %d pieces, %.8s; undisturbed: %d calls, %d pieces, %.8s", again.Calls.GetClip, again.Pieces, again.Outputs[0].SHA256, calm.Calls.GetClip, calm.Pieces, calm.Outputs[0].SHA256)
	} else {
		t.Logf("%d pieces, %d pieces", again.Pieces, calm.Pieces)
	}
}

// The receipt's folder is made before anything is asked of the service, as the clip's is.
func TestTheReceiptsFolderIsMade(t *testing.T) {
	c, dir := emulated(t, kvsemu.Camera{}), t.TempDir()
	r := minute(dir)
	r.Receipt = filepath.Join(dir, "nowhere", "a.json")
	if _, err := c.Get(t.Context(), r); err != nil || !exists(r.Receipt) {
		t.Errorf("Get: %v; the receipt exists: %t", err, exists(r.Receipt))
	}
}
