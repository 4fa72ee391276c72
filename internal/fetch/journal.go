package fetch

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
)

// journalName is the file in which runs note what they have done, one JSON object a line. A line
// that a kill or a power cut tore is no object, and counts for nothing.
const journalName = "journal"

// journalFormat is the form of the lines and of what lies in the folder. What was left in another
// one is not used.
const journalFormat = 1

// maxLine is the longest line that is read: a report of a hundred thousand seams.
const maxLine = 64 << 20

// Run is what a run is to make, so that the next one can tell whether it goes on with the same.
type Run struct {
	Version   string `json:"kvsclip"`   // of the program
	Request   string `json:"request"`   // stream, clock, range and choices, in words
	Place     string `json:"place"`     // endpoint, region and credentials it is read from, as a hash
	Recording string `json:"recording"` // hash of what was listed
	Fragments int    `json:"fragments"` // listed
}

// noted is what the journal knows of a whole piece.
type noted struct {
	Name      string `json:"name"` // of its file, without folder and ending
	Bytes     int64  `json:"bytes"`
	SHA256    string `json:"sha256"`
	RequestID string `json:"requestId,omitempty"`
	Skipped   int    `json:"skipped,omitempty"` // planned fragments that are not in it because nobody wanted them
}

// line is one line of the journal; exactly one field is set.
type line struct {
	Format int             `json:"format,omitempty"`
	Run    *Run            `json:"run,omitempty"`
	Piece  *noted          `json:"piece,omitempty"`
	Halved string          `json:"halved,omitempty"` // name of a piece that cannot be had whole
	Turned string          `json:"turned,omitempty"` // name of a piece that GetClip refuses
	Done   json.RawMessage `json:"done,omitempty"`
}

// journal is the file and what it says. It is safe for concurrent use.
type journal struct {
	mu     sync.Mutex // guards all below
	path   string
	f      *os.File // nil until something is noted
	torn   bool     // the last line has no end
	format int
	run    *Run // of the last run
	begun  bool // run is not in the file yet
	pieces map[string]noted
	halved map[string]bool
	turned map[string]bool
	done   json.RawMessage // of the last run, nil unless it came that far
}

// openJournal reads the journal of a folder, which need not have one.
func openJournal(path string) (*journal, error) {
	j := &journal{path: path, format: journalFormat, pieces: map[string]noted{}, halved: map[string]bool{}, turned: map[string]bool{}}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return j, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	defer f.Close()
	if err := j.read(f); err != nil {
		return nil, fmt.Errorf("reading the journal %q: %w", path, err)
	}
	return j, nil
}

// read takes in all lines.
func (j *journal) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		n, token, err := bufio.ScanLines(data, atEOF)
		if n > 0 {
			j.torn = data[n-1] != '\n'
		}
		return n, token, err
	})
	for lines.Scan() {
		var l line
		if json.Unmarshal(lines.Bytes(), &l) == nil {
			j.take(l)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		j.format = 0 // of no form that is known: it is not used, and can be cleared
		return nil
	}
	return lines.Err()
}

func (j *journal) take(l line) {
	switch {
	case l.Format != 0:
		j.format = l.Format
	case l.Run != nil:
		j.run, j.done = l.Run, nil
	case l.Piece != nil:
		j.pieces[l.Piece.Name] = *l.Piece
	case l.Halved != "":
		j.halved[l.Halved] = true
	case l.Turned != "":
		j.turned[l.Turned] = true
	case l.Done != nil:
		j.done = l.Done
	}
}

// note adds a line, in one write.
func (j *journal) note(l line) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := []line{l}
	if j.begun {
		lines = []line{{Run: j.run}, l}
	}
	err := j.openLocked()
	for _, l := range lines {
		if err == nil {
			err = j.appendLocked(l)
		}
	}
	if err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	j.begun = false
	j.take(l)
	return nil
}

// begin sets what the run is to make. It is noted with the first thing there is to note of the run:
// one that has done nothing leaves nothing.
func (j *journal) begin(r Run) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.run, j.done, j.begun = &r, nil, true
}

// openLocked opens the file for writing. The first line of all tells the format.
func (j *journal) openLocked() (err error) {
	if j.f != nil {
		return nil
	}
	if j.f, err = os.OpenFile(j.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return err
	}
	if st, err := j.f.Stat(); err != nil || st.Size() > 0 {
		return err
	}
	if err := j.appendLocked(line{Format: journalFormat}); err != nil {
		j.f.Close()
		j.f = nil // so that the next line tries again to be the second
		return err
	}
	return nil
}

func (j *journal) appendLocked(l line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if j.torn {
		text = append([]byte{'\n'}, text...)
	}
	n, err := j.f.Write(text)
	j.torn = err != nil && (n > 0 || j.torn)
	return err
}

// piece returns what is known of a piece.
func (j *journal) piece(name string) (noted, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n, ok := j.pieces[name]
	return n, ok
}

// isHalved says that an earlier try showed that the piece cannot be had whole.
func (j *journal) isHalved(name string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.halved[name]
}

// isTurned says that an earlier try showed that GetClip refuses the piece.
func (j *journal) isTurned(name string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.turned[name]
}

// sync brings the lines to the disk.
func (j *journal) sync() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.f == nil {
		return nil
	}
	return j.f.Sync()
}

// forget deletes the file and all that it said.
func (j *journal) forget() error {
	j.close()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.format, j.run, j.done, j.torn, j.begun = journalFormat, nil, nil, false, false
	clear(j.pieces)
	clear(j.halved)
	clear(j.turned)
	if err := os.Remove(j.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.f != nil {
		j.f.Close()
		j.f = nil
	}
}
