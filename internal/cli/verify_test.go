package cli_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/kvsclip/kvsclip/kvsemu"
)

// contains fails unless text has all of want.
func contains(t *testing.T, what, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q:\n%s", what, w, text)
		}
	}
}

// A clip is proven by its receipt, and a byte flipped in its media is named with its place.
func TestVerify(t *testing.T) {
	service(t, &kvsemu.Server{})
	kvsclip(t, 0, door("get", "-q", "-o", "door.mp4", "--receipt", "door.json")...)
	out, said := kvsclip(t, 0, "verify", "door.mp4", "door.json")
	contains(t, "verdict", out, "door.mp4: proven\n", "stream door, 285 of 285 fragments in 2 pieces, 1 seam, 1 gap\n", "samples of video, ")
	if said != "" {
		t.Errorf("standard error = %q, want nothing", said)
	}

	b, err := os.ReadFile("door.mp4")
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile("door.mp4", b, 0o600); err != nil {
		t.Fatal(err)
	}
	out, said = kvsclip(t, 1, "verify", "door.mp4", "door.json")
	contains(t, "verdict", out, "door.mp4: differs\n", "first difference: bytes of samples of track ", "  fragment 9", "    taken at ", "    among bytes ", " of the file, both included\n")
	contains(t, "standard error", said, `"door.mp4": not as the receipt says: track `, "hint: find the copy that is proven")

	out, _ = kvsclip(t, 1, "verify", "door.mp4", "door.json", "--json")
	v := object(t, out)
	d, ok := v["difference"].(map[string]any)
	if !ok || v["proven"] != false || v["sound"] != true || d["what"] != "media" {
		t.Fatalf("verdict = %s, want other media", out)
	}
	if from, to, at := d["from"].(float64), d["to"].(float64), float64(len(b)/2); at < from || at >= to {
		t.Errorf("bytes %v to %v are named, %v was flipped", from, to, at)
	}
	kvsclip(t, 0, "verify", "door.mp4") // it plays, with something else in it
}

func TestVerifySigned(t *testing.T) {
	service(t, &kvsemu.Server{})
	for _, args := range []string{"genpkey -algorithm ed25519 -out key.pem", "pkey -in key.pem -pubout -out pub.pem"} {
		if out, err := exec.Command("openssl", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("openssl %s: %v\n%s", args, err, out)
		}
	}
	kvsclip(t, 0, door("get", "-q", "-o", "door.mp4", "--receipt", "door.json", "--sign", "key.pem")...)
	judge := strings.Fields("pkeyutl -verify -pubin -inkey pub.pem -rawin -in door.json -sigfile door.json.sig")
	if out, err := exec.Command("openssl", judge...).CombinedOutput(); err != nil {
		t.Errorf("openssl does not accept the signature: %v\n%s", err, out)
	}
	out, _ := kvsclip(t, 0, "verify", "door.mp4", "door.json", "--key", "pub.pem")
	contains(t, "verdict", out, "door.mp4: proven\n", "  the receipt is signed by the key ")
	if err := os.Remove("door.json.sig"); err != nil {
		t.Fatal(err)
	}
	out, said := kvsclip(t, 1, "verify", "door.mp4", "door.json", "--key", "pub.pem")
	contains(t, "verdict", out, "door.mp4: not proven: the receipt cannot be trusted\n", `the receipt has no signature beside it, in "door.json.sig"`,
		"  asked for was the key ", "  the clip was not compared with the receipt\n")
	contains(t, "standard error", said, `error: "door.json": the receipt cannot be trusted: no signature by the key `, "hint: check --key, and get receipt and .sig")
	if strings.Contains(out+said, "differ") || strings.Contains(said, "download") {
		t.Errorf("the clip is blamed:\n%s%s", out, said)
	}
	out, _ = kvsclip(t, 1, "verify", "door.mp4", "door.json", "--key", "pub.pem", "--json")
	if v := object(t, out); v["proven"] != false || v["media"] != nil {
		t.Errorf("verdict = %s, want nothing said about media", out)
	}
}

// Files of a clip that was split have one receipt.
func TestVerifySplit(t *testing.T) {
	service(t, &kvsemu.Server{})
	names, _ := kvsclip(t, 0, door("get", "-q", "-o", "door.mp4", "--gaps", "split", "--receipt", "door.json")...)
	if n := len(strings.Fields(names)); n != 2 {
		t.Fatalf("%d files, want 2: %s", n, names)
	}
	for _, name := range strings.Fields(names) {
		out, _ := kvsclip(t, 0, "verify", name, "door.json")
		contains(t, "verdict", out, name+": proven\n")
	}
}

// Silence that was put into a gap came in no piece, and is proven too.
func TestVerifyKeptGaps(t *testing.T) {
	service(t, &kvsemu.Server{})
	kvsclip(t, 0, door("get", "-q", "-o", "door.mp4", "--gaps", "keep", "--receipt", "door.json")...)
	out, _ := kvsclip(t, 0, "verify", "door.mp4", "door.json")
	contains(t, "verdict", out, "door.mp4: proven\n")
	receipt, err := os.ReadFile("door.json")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, "receipt", string(receipt), `"piece": 0`)
}
