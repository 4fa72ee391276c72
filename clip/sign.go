package clip

import (
	"cmp"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// SignatureSuffix is what the name of a receipt's signature adds to the receipt's.
const SignatureSuffix = ".sig"

// maxKey is how many bytes of a key file are read; an Ed25519 key takes 120.
const maxKey = 64 << 10

// hasModes says that the mode of a file tells who can read it.
const hasModes = runtime.GOOS != "windows"

// readSigner reads the private Ed25519 key of a PEM file in PKCS #8, as
// "openssl genpkey -algorithm ed25519" makes it. What it cannot use is an ErrUsage that names the kind.
func readSigner(path string) (ed25519.PrivateKey, error) {
	block, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	bad := func(format string, a ...any) (ed25519.PrivateKey, error) { return nil, badKey(path, format, a...) }
	switch block.Type {
	case "PRIVATE KEY":
	case "ENCRYPTED PRIVATE KEY":
		return bad("it is encrypted: openssl pkey -in KEY -out PLAIN decrypts it")
	case "PUBLIC KEY":
		return bad("it is a public key: signing needs the private one")
	default:
		return bad("it holds %q: PKCS #8 is needed, as openssl genpkey -algorithm ed25519 makes it", block.Type)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return bad("%w", err)
	}
	signer, ok := key.(ed25519.PrivateKey)
	if !ok {
		return bad("it is %s key: an Ed25519 key is needed (openssl genpkey -algorithm ed25519)", keyKind(key))
	}
	return signer, nil
}

// readPublic reads the public Ed25519 key of a PEM file, as "openssl pkey -pubout" makes it.
func readPublic(path string) (ed25519.PublicKey, error) {
	block, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	if block.Type != "PUBLIC KEY" {
		return nil, badKey(path, "it holds %q: the public key is needed, as openssl pkey -pubout writes it", block.Type)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, badKey(path, "%w", err)
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, badKey(path, "it is %s key: an Ed25519 key is needed", keyKind(key))
	}
	return public, nil
}

// keyKind names what kind of key x509 parsed, with its article.
func keyKind(key any) string {
	switch key.(type) {
	case *rsa.PrivateKey, *rsa.PublicKey:
		return "an RSA"
	case *ecdsa.PrivateKey, *ecdsa.PublicKey:
		return "an ECDSA"
	case *ecdh.PrivateKey, *ecdh.PublicKey:
		return "an X25519"
	}
	return "another"
}

func badKey(path, format string, a ...any) error {
	return fmt.Errorf("%w: key %q: %w", ErrUsage, path, fmt.Errorf(format, a...))
}

// readPEM reads the first PEM block of a file.
func readPEM(path string) (*pem.Block, error) {
	b, err := readLimited(path, maxKey)
	if errors.Is(err, errTooLarge) {
		return nil, badKey(path, "%w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the key: %w", err)
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, badKey(path, "it is no PEM file")
	}
	return block, nil
}

var errTooLarge = errors.New("too large")

// readLimited reads a file of at most limit bytes, or fails with errTooLarge.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	large := fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
	if st, err := f.Stat(); err != nil || st.Size() > limit {
		return nil, cmp.Or(err, large)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1)) // not every file tells its size
	if err == nil && int64(len(b)) > limit {
		err = large
	}
	return b, err
}

// exposed returns a note when others than the owner can read the file of a private key; "" if not, or
// where the system does not tell.
func exposed(path string) string {
	st, err := os.Stat(path)
	if err != nil || !hasModes || st.Mode().Perm()&0o077 == 0 {
		return ""
	}
	return fmt.Sprintf("the key %q can be read by others (mode %04o): chmod 600 mends that", path, st.Mode().Perm())
}

// fingerprint names a public key: the SHA-256 of its SubjectPublicKeyInfo, in hex.
func fingerprint(key ed25519.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "" // an Ed25519 key can always be encoded
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
