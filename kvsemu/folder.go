package kvsemu

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A folder of uploads has a folder for each stream, and in it
//
//	index       one JSON object a line, only ever added to: the stream as it is, a session, a fragment
//	000001.mkv  what was sent in session 1, as it came
//
// A line that was not written to its end counts for nothing, nor does a fragment whose bytes are not
// all there.

// record is a line of the index; one of its fields is set.
type record struct {
	Stream   *streamRecord `json:",omitempty"`
	Session  *session      `json:",omitempty"`
	Fragment *upload       `json:",omitempty"`
}

// streamRecord is what CreateStream and what came after it made of a stream.
type streamRecord struct {
	Name, ARN      string
	Created        time.Time
	Seed, Revision uint64
	Retention      int // hours
	Forgotten      time.Time
	MediaType      string
	Device, KMS    string
	Tags           map[string]string
}

// folder is a store of files, that of one stream. No file stays open.
type folder struct {
	root *os.Root
	path string
	end  int64 // of the index: behind it a line may be that was not written to its end
	size int64 // of the present session's file
}

// indexName is the file that says what the others hold.
const indexName = "index"

// mediaName is the file of a session.
func mediaName(session int) string { return fmt.Sprintf("%06d.mkv", session) }

// createFolder makes the folder of a new stream in dir. Its name is not that of the stream alone,
// which might be "..", or differ from another one's by case only.
func createFolder(dir string, st *stream) (*folder, error) {
	all, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = all.Close() }() // only looked up in
	name := fmt.Sprintf("%.100s-%d", st.name, st.created.UnixMilli())
	if err := all.Mkdir(name, 0o700); err != nil {
		return nil, err
	}
	root, err := all.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &folder{root: root, path: filepath.Join(dir, name)}, nil
}

// write adds a line to the index.
func (f *folder) write(r record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := f.put(indexName, 0, append(line, '\n'), f.end); err != nil {
		return err
	}
	f.end += int64(len(line)) + 1
	return nil
}

// put writes into a file at a place.
func (f *folder) put(name string, flags int, b []byte, at int64) error {
	file, err := f.root.OpenFile(name, flags|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(b, at)
	return errors.Join(err, file.Close())
}

// begin implements store.
func (f *folder) begin(s *session) error {
	if err := f.put(mediaName(s.N), os.O_TRUNC, s.Head, 0); err != nil {
		return err
	}
	f.size = int64(len(s.Head))
	return f.write(record{Session: s})
}

// add implements store.
func (f *folder) add(u *upload, cluster []byte) error {
	u.At, u.Size, u.Session = f.size, int64(len(cluster)), u.session.N
	if err := f.put(mediaName(u.Session), 0, cluster, u.At); err != nil {
		return err
	}
	if err := f.write(record{Fragment: u}); err != nil {
		return err
	}
	f.size += u.Size
	return nil
}

// open implements store.
func (f *folder) open(u upload) (readerAtCloser, error) {
	file, err := f.root.Open(mediaName(u.session.N))
	if err != nil {
		return nil, err
	}
	return stretch{file, u.At}, nil
}

// stretch is a file from a place on.
type stretch struct {
	*os.File
	from int64
}

// ReadAt implements io.ReaderAt.
func (s stretch) ReadAt(b []byte, off int64) (int, error) { return s.File.ReadAt(b, s.from+off) }

// remove deletes the folder of a stream, which must not be used any more.
func (f *folder) remove() error { return errors.Join(f.root.Close(), os.RemoveAll(f.path)) }

// restore reads all streams in dir, which is made if there is none.
func (s *Server) restore(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	all, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = all.Close() }() // only looked up in
	entries, err := fs.ReadDir(all.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if err := s.restoreStream(dir, all, e.Name()); err != nil {
			return fmt.Errorf("reading %s in %s: %w", e.Name(), dir, err)
		}
	}
	return nil
}

// restoreStream reads one stream. A folder without an index is none of ours, and one with an empty
// index was never finished.
func (s *Server) restoreStream(dir string, all *os.Root, name string) error {
	text, err := all.ReadFile(name + "/" + indexName)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !bytes.Contains(text, []byte("\n")) {
		return nil
	}
	if err != nil {
		return err
	}
	root, err := all.OpenRoot(name)
	if err != nil {
		return err
	}
	st, err := s.replay(&folder{root: root, path: filepath.Join(dir, name)}, text)
	if err != nil {
		return errors.Join(err, root.Close())
	}
	if s.state.streams[st.name] != nil {
		return errors.Join(fmt.Errorf("there are two streams named %q", st.name), root.Close())
	}
	s.state.streams[st.name] = st
	return nil
}

// replay makes a stream of its index. A line that was not written to its end will be written over.
func (s *Server) replay(f *folder, text []byte) (*stream, error) {
	f.end = int64(bytes.LastIndexByte(text, '\n') + 1)
	var st *stream
	n := 0
	for line := range bytes.Lines(text[:f.end]) {
		n++
		var r record
		err := json.Unmarshal(line, &r)
		switch {
		case err != nil:
		case r.Stream != nil && st == nil:
			st, err = s.revive(f, r.Stream)
		case st == nil:
			err = errors.New("expected the stream first")
		case r.Stream != nil:
			st.amend(r.Stream)
		default:
			err = st.footage.(*uploads).revive(f, r)
		}
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", indexName, n, err)
		}
	}
	return st, nil
}

// revive makes a stream as it was when it was created.
func (s *Server) revive(f *folder, r *streamRecord) (*stream, error) {
	if !streamName.MatchString(r.Name) || !streamARN.MatchString(r.ARN) {
		return nil, fmt.Errorf("expected a stream with an ARN, got %q and %q", r.Name, r.ARN)
	}
	st := s.newStream(r.Name, r.Created, r.Seed, newUploads(r.Seed, f))
	st.arn, st.folder = r.ARN, f
	st.amend(r)
	return st, nil
}

// amend takes over what can be changed of a stream.
func (st *stream) amend(r *streamRecord) {
	st.revision, st.retention, st.forgotten = r.Revision, r.Retention, r.Forgotten
	st.mediaType, st.device, st.kms, st.tags = r.MediaType, r.Device, r.KMS, r.Tags
	if st.tags == nil {
		st.tags = map[string]string{}
	}
}

// saveLocked writes down what a stream is, if it is kept in files. st.mu is held.
func (st *stream) saveLocked() error {
	if st.folder == nil {
		return nil
	}
	up := st.footage.(*uploads)
	up.mu.Lock() // guards the index
	defer up.mu.Unlock()
	return st.folder.write(record{Stream: &streamRecord{
		Name: st.name, ARN: st.arn, Created: st.created, Seed: st.seed, Revision: st.revision, Retention: st.retention,
		Forgotten: st.forgotten, MediaType: st.mediaType, Device: st.device, KMS: st.kms, Tags: st.tags,
	}})
}

// revive takes over a session or fragment from the index.
func (up *uploads) revive(f *folder, r record) error {
	up.mu.Lock()
	defer up.mu.Unlock()
	if s := r.Session; s != nil {
		if s.N != len(up.sessions)+1 {
			return fmt.Errorf("expected session %d, got %d", len(up.sessions)+1, s.N)
		}
		s.first = int64(len(up.list))
		up.sessions = append(up.sessions, s)
		return nil
	}
	u := r.Fragment
	if u == nil || u.Session != len(up.sessions) || u.Session < 1 || u.Size < 0 || u.Size > spooledBytes || u.At < 0 {
		return errors.New("expected a session or one of its fragments")
	}
	info, err := f.root.Stat(mediaName(u.Session))
	if err != nil || u.At > info.Size()-u.Size {
		return nil //nolint:nilerror // it never came to the disk
	}
	u.session = up.sessions[u.Session-1]
	up.takeLocked(*u)
	return nil
}
