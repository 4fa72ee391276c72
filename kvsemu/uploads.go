package kvsemu

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"
	"time"

	"github.com/kvsclip/kvsclip/internal/mkv"
)

// uploads is what a stream was sent by PutMedia.
type uploads struct {
	seed  uint64
	store store

	mu       sync.Mutex // guards all below
	gone     int64      // of the first ones, which were forgotten
	list     []upload   // those after them
	sessions []*session
	seq      uint64 // sequence part of the next fragment number
	last     int64  // server time given last
	pictures int64  // so far
	held64   int64  // bytes of list
	arriving bool   // a fragment is on its way
	changed  chan struct{}
}

// upload is one fragment as it came. Times are milliseconds since 1970.
type upload struct {
	Number           string
	Seq              uint64
	Producer, Server int64
	Complete         int64 // when it could be had
	Length           int64 // first to last frame, in milliseconds
	First            int64 // number of its first picture in the stream
	Pictures         int
	Session          int   // its number, where the store needs it
	At, Size         int64 // of the cluster and what came behind it, in the bytes of its session

	session *session
	data    []byte // where the store keeps it in memory
}

// session is one PutMedia. What it sent before its first cluster goes with each of its fragments.
type session struct {
	N    int    // from 1 on
	Head []byte // EBML header to the first cluster; the segment's size is not known

	first, n int64 // uploads

	mu     sync.Mutex
	header *mkv.Header // read from Head when it is needed
}

// store keeps the bytes of uploads. Methods are called with uploads.mu held, but open.
type store interface {
	// begin keeps a session.
	begin(s *session) error
	// add keeps the bytes of a fragment, and sets where they are in u.
	add(u *upload, cluster []byte) error
	// open returns the bytes of a fragment, for the caller to close.
	open(u upload) (readerAtCloser, error)
}

type readerAtCloser interface {
	io.ReaderAt
	io.Closer
}

// memory is a store that ends with the process.
type memory struct{}

func (memory) begin(*session) error { return nil }

func (memory) add(u *upload, cluster []byte) error {
	u.data, u.Size = bytes.Clone(cluster), int64(len(cluster))
	return nil
}

func (memory) open(u upload) (readerAtCloser, error) { return kept{bytes.NewReader(u.data)}, nil }

type kept struct{ *bytes.Reader }

func (kept) Close() error { return nil }

// newUploads returns a stream's footage before anything was sent.
func newUploads(seed uint64, s store) *uploads {
	return &uploads{seed: seed, store: s, seq: 1, changed: make(chan struct{})}
}

// announceLocked tells those who wait that something changed. up.mu is held.
func (up *uploads) announceLocked() {
	close(up.changed)
	up.changed = make(chan struct{})
}

// open begins a session. Its fragment numbers begin behind the next multiple of 1000.
func (up *uploads) open(head []byte) (*session, error) {
	up.mu.Lock()
	defer up.mu.Unlock()
	s := &session{N: len(up.sessions) + 1, Head: bytes.Clone(head), first: up.gone + int64(len(up.list))}
	if err := up.store.begin(s); err != nil {
		return nil, err
	}
	if up.seq > 1 {
		up.seq = ((up.seq-1)/1000+1)*1000 + 1
	}
	up.sessions = append(up.sessions, s)
	return s, nil
}

// begin gives a number to a fragment that has begun to arrive.
func (up *uploads) begin(s *session, now time.Time) upload {
	up.mu.Lock()
	defer up.mu.Unlock()
	up.last = max(up.last+1, now.UnixMilli())
	u := upload{session: s, Seq: up.seq, Server: up.last}
	u.Number = fragmentNumber(u.Seq, u.Server, chance(up.seed, 'f', u.Seq))
	up.seq++
	up.arriving = true
	up.announceLocked()
	return u
}

// end tells that no fragment is on its way any more.
func (up *uploads) end() {
	up.mu.Lock()
	defer up.mu.Unlock()
	up.arriving = false
	up.announceLocked()
}

// errFull means that no more can be kept.
var errFull = errors.New("the bytes that may be kept are used up")

// add keeps a complete fragment, if no more than most bytes are kept then; 0 means any number.
func (up *uploads) add(u upload, cluster []byte, now time.Time, most int64) (upload, error) {
	up.mu.Lock()
	defer up.mu.Unlock()
	if most > 0 && up.held64+int64(len(cluster)) > most {
		return u, errFull
	}
	u.Complete, u.First = now.UnixMilli(), up.pictures
	if err := up.store.add(&u, cluster); err != nil {
		return u, err
	}
	up.takeLocked(u)
	up.arriving = false
	up.announceLocked()
	return u, nil
}

// takeLocked appends an upload that is in the store. up.mu is held.
func (up *uploads) takeLocked(u upload) {
	up.list = append(up.list, u)
	u.session.n++
	up.pictures += int64(u.Pictures)
	up.held64 += u.Size
	up.last, up.seq = max(up.last, u.Server), max(up.seq, u.Seq+1)
}

// forget drops the bytes of what arrived before since, and the first of what is more than most
// bytes, unless most is 0.
func (up *uploads) forget(since, most int64) {
	up.mu.Lock()
	defer up.mu.Unlock()
	n := 0
	for n < len(up.list) && (up.list[n].Server < since || most > 0 && up.held64 > most) {
		up.held64 -= up.list[n].Size
		n++
	}
	clear(up.list[:n]) // their bytes must not stay until the list is copied
	up.list = up.list[n:]
	up.gone += int64(n)
}

// get returns upload u, or false if it was forgotten.
func (up *uploads) get(u int64) (upload, bool) {
	up.mu.Lock()
	defer up.mu.Unlock()
	if u < up.gone || u >= up.gone+int64(len(up.list)) {
		return upload{}, false
	}
	return up.list[u-up.gone], true
}

// held implements footage.
func (up *uploads) held(now, since int64) span {
	up.mu.Lock()
	defer up.mu.Unlock()
	n := int64(len(up.list))
	hi := search(0, n, func(i int64) bool { return up.list[i].Complete > now })
	lo := search(0, hi, func(i int64) bool { return up.list[i].Server >= since })
	return span{up.gone + lo, up.gone + hi}
}

// pick implements footage. In a session both clocks rise.
func (up *uploads) pick(held span, producer bool, a, b int64) []span {
	up.mu.Lock()
	defer up.mu.Unlock()
	at := func(u int64) int64 {
		if f := up.list[u-up.gone]; producer {
			return f.Producer
		} else {
			return f.Server
		}
	}
	var out []span
	for _, s := range up.sessions {
		lo, hi := max(held.lo, s.first, up.gone), min(held.hi, s.first+s.n)
		lo = search(lo, max(lo, hi), func(u int64) bool { return at(u) >= a })
		hi = search(lo, max(lo, hi), func(u int64) bool { return at(u) > b })
		if lo < hi {
			out = append(out, span{lo, hi})
		}
	}
	return out
}

// numbered implements footage.
func (up *uploads) numbered(number string) (int64, bool) {
	up.mu.Lock()
	defer up.mu.Unlock()
	n, ok := new(big.Int).SetString(number, 10)
	if !ok {
		return 0, false
	}
	i := search(0, int64(len(up.list)), func(i int64) bool {
		at, _ := new(big.Int).SetString(up.list[i].Number, 10)
		return at.Cmp(n) >= 0
	})
	if i == int64(len(up.list)) || up.list[i].Number != number {
		return 0, false
	}
	return up.gone + i, true
}

// fragment implements footage.
func (up *uploads) fragment(u int64) Fragment {
	f, ok := up.get(u)
	if !ok {
		return Fragment{Lost: true}
	}
	out := Fragment{
		Number: f.Number, Producer: time.UnixMilli(f.Producer).UTC(), Server: time.UnixMilli(f.Server).UTC(),
		Length: time.Duration(f.Length) * time.Millisecond, First: f.First, Pictures: f.Pictures,
	}
	tags := mkv.AppendKVSTags(nil, out.Number, out.Server, out.Producer)
	out.Size = int64(len(f.session.Head)+len(tags)) + f.Size
	return out
}

// document implements footage.
func (up *uploads) document(u int64) (head, cluster []byte, err error) {
	f, ok := up.get(u)
	if !ok {
		return nil, nil, fmt.Errorf("fragment %d: forgotten meanwhile", u)
	}
	in, err := up.store.open(f)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = in.Close() }() // only read from
	cluster = make([]byte, f.Size)
	if n, err := in.ReadAt(cluster, 0); n < len(cluster) {
		return nil, nil, fmt.Errorf("reading %d bytes of fragment %s: %w", f.Size, f.Number, err)
	}
	return f.session.Head, cluster, nil
}

// coming implements footage: whoever sends a fragment may go on or not.
func (up *uploads) coming(u int64) (begins, complete int64, changed <-chan struct{}) {
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.arriving {
		return 0, endless, up.changed
	}
	return endless, endless, up.changed
}

// fragmentNumber writes a one, 64 bits of sequence, 64 bits of server time and 28 bits of chance, as
// observed in the wild.
func fragmentNumber(seq uint64, server int64, random uint64) string {
	n := big.NewInt(1)
	n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(seq))
	n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(uint64(server)))
	n.Lsh(n, 28).Add(n, new(big.Int).SetUint64(random>>36))
	return n.String()
}
