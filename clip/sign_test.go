package clip

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// openssl is the judge of keys and signatures.
func openssl(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// newKey makes a pair of keys in dir.
func newKey(t *testing.T, dir string) (private, public string) {
	t.Helper()
	private, public = filepath.Join(dir, "key.pem"), filepath.Join(dir, "pub.pem")
	openssl(t, dir, "genpkey", "-algorithm", "ed25519", "-out", private)
	openssl(t, dir, "pkey", "-in", private, "-pubout", "-out", public)
	return private, public
}

// signed is a clip whose receipt is signed by the key in private.
func signed(t *testing.T, private string) proven {
	t.Helper()
	c := prove(t, []int{1})[0]
	key, err := readSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, c.receipt+SignatureSuffix, ed25519.Sign(key, c.json))
	return c
}

// openssl accepts our signature of the receipt's bytes, and no other bytes.
func TestSignatureIsJudgedByOpenSSL(t *testing.T) {
	dir := t.TempDir()
	private, public := newKey(t, dir)
	c := signed(t, private)
	judge := []string{"pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", c.receipt, "-sigfile", c.receipt + SignatureSuffix}
	if out := openssl(t, dir, judge...); !strings.Contains(out, "Signature Verified Successfully") {
		t.Errorf("openssl says %q", out)
	}
	c.json[len(c.json)-1] = ' '
	writeFile(t, c.receipt, c.json)
	if out, err := exec.Command("openssl", judge...).CombinedOutput(); err == nil {
		t.Errorf("openssl accepts another receipt: %s", out)
	}
}

func TestVerifyTheSignature(t *testing.T) {
	dir := t.TempDir()
	private, public := newKey(t, dir)
	_, stranger := newKey(t, t.TempDir())
	c := signed(t, private)
	sig := c.receipt + SignatureSuffix
	good, err := os.ReadFile(sig)
	if err != nil {
		t.Fatal(err)
	}
	request := VerifyRequest{Clip: c.clip, Receipt: c.receipt, Key: public}
	der := filepath.Join(dir, "pub.der")
	openssl(t, dir, "pkey", "-pubin", "-in", public, "-outform", "DER", "-out", der)
	print := strings.Fields(openssl(t, dir, "dgst", "-r", "-sha256", der))[0]
	if v, err := Verify(t.Context(), request); err != nil || !v.Proven || v.Receipt.SignedBy != print {
		t.Errorf("Verify: got %+v, %v; want proven, signed by %s", v, err, print)
	}
	for name, c := range map[string]struct {
		sig []byte
		key string
	}{
		"another key": {good, stranger},
		"missing":     {nil, public},
		"short":       {good[:63], public},
		"changed":     {append([]byte{good[0] ^ 1}, good[1:]...), public},
		"huge":        {make([]byte, maxKey+1), public},
	} {
		os.Remove(sig)
		if c.sig != nil {
			writeFile(t, sig, c.sig)
		}
		request.Key = c.key
		v, err := Verify(t.Context(), request)
		if !errors.Is(err, ErrDiffers) || !errors.Is(err, ErrUntrusted) || v.Proven || v.Difference.What != "signature" || v.Receipt.SignedBy != "" {
			t.Errorf("%s: Verify: got %+v, %v; want another signature", name, v, err)
			continue
		}
		for _, want := range []string{strconv.Quote(request.Receipt), v.Difference.Want} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: Verify: got %v, want %s named", name, err, want)
			}
		}
		if b, err := json.Marshal(v); err != nil || strings.Contains(string(b), `"media":`) || strings.Contains(string(b), `"runs":`) || !strings.Contains(string(b), `"proven":false`) {
			t.Errorf("%s: JSON: got %s, %v; want nothing about what was not compared", name, b, err)
		}
	}
}

// A signature that nobody asked about is not taken for one that was checked.
func TestVerifyNotesASignature(t *testing.T) {
	private, _ := newKey(t, t.TempDir())
	c := signed(t, private)
	v, err := verify(t, c.clip, c.receipt)
	if err != nil || v.Receipt.SignedBy != "" || len(v.Notes) != 1 || !strings.Contains(v.Notes[0], "was not checked") {
		t.Errorf("Verify: got %+v, %v; want a note that the signature was not checked", v, err)
	}
}

func TestKeysThatCannotSign(t *testing.T) {
	dir := t.TempDir()
	private, public := newKey(t, dir)
	openssl(t, dir, "pkey", "-in", private, "-aes256", "-passout", "pass:secret", "-out", "encrypted.pem")
	openssl(t, dir, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.pem")
	openssl(t, dir, "genpkey", "-algorithm", "RSA", "-out", "rsa.pem")
	openssl(t, dir, "pkey", "-in", "rsa.pem", "-pubout", "-out", "rsapub.pem")
	openssl(t, dir, "genpkey", "-algorithm", "X25519", "-out", "x.pem")
	writeFile(t, filepath.Join(dir, "text.pem"), []byte("no key"))
	writeFile(t, filepath.Join(dir, "ssh.pem"), []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"))
	writeFile(t, filepath.Join(dir, "rubbish.pem"), []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	writeFile(t, filepath.Join(dir, "huge.pem"), make([]byte, maxKey+1))
	for path, want := range map[string]string{
		public: "it is a public key", "encrypted.pem": "it is encrypted", "ec.pem": "it is an ECDSA key: an Ed25519 key is needed",
		"rsa.pem": "it is an RSA key: an Ed25519 key is needed (openssl genpkey -algorithm ed25519)", "x.pem": "it is an X25519 key", "text.pem": "it is no PEM file",
		"ssh.pem": `"OPENSSH PRIVATE KEY"`, "rubbish.pem": "asn1", "huge.pem": "too large",
	} {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		if _, err := readSigner(path); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("readSigner(%s): got %v, want ErrUsage with %q", filepath.Base(path), err, want)
		}
	}
	if _, err := readPublic(filepath.Join(dir, "rsapub.pem")); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "it is an RSA key: an Ed25519 key is needed") {
		t.Errorf("readPublic of an RSA key: got %v", err)
	}
	if _, err := readPublic(private); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), "openssl pkey -pubout") {
		t.Errorf("readPublic of a private key: got %v", err)
	}
}

func TestAKeyThatOthersCanRead(t *testing.T) {
	private, _ := newKey(t, t.TempDir())
	if note := exposed(private); note != "" {
		t.Errorf("exposed: got %q, want nothing", note)
	}
	if err := os.Chmod(private, 0o644); err != nil {
		t.Fatal(err)
	}
	if note := exposed(private); strings.Contains(note, "0644") != (runtime.GOOS != "windows") {
		t.Errorf("exposed: got %q", note)
	}
}
