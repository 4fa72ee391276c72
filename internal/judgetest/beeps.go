package judgetest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"
	"time"
)

// listen takes the first channel as it is decoded. No filter here moves, adds or drops PCM samples.
const listen = "pan=mono|c0=c0,asettb=1/1000000000,ashowinfo"

// loud is a tenth of the tone's peak, of 32768. Silence is far below.
const loud = 1100

// quiet is how much unbroken silence makes the loudness behind it a beep, and not the rest of one.
const quiet = 10 * time.Millisecond

// aacRise is how many PCM samples after the start of its block the tone of an AAC film is loud:
// its window rises over 1024 of them. A-law is loud at once. Tests hold this against a plain film.
const aacRise = 57

// Beeps decodes the first audio track and returns when its beeps begin, in the order of hearing,
// to a PCM sample or the tick of the container, whichever is coarser. The times are those the
// container gives to the coded blocks: gaps and jumps stay what they are. A sound that begins with
// the track, or right behind a jump of its times, is the rest of a beep and does not count.
func Beeps(t testing.TB, path string) []time.Duration {
	t.Helper()
	var rises []rise
	infos := ffmpeg(t, path, "a:0", listen, "s16le", func(r io.Reader) (err error) {
		rises, err = findRises(r)
		return err
	})
	return onsets(infos, rises)
}

// rise is loudness behind silence, in PCM samples.
type rise struct{ at, silence int64 }

// findRises finds where 16-bit sound becomes loud, after at least a millisecond of silence at any
// rate from 8 kHz on.
func findRises(r io.Reader) ([]rise, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	var rises []rise
	buf := make([]byte, 1<<15)
	at, silence := int64(0), int64(0)
	for {
		n, err := io.ReadFull(in, buf)
		for i := 0; i+1 < n; i += 2 {
			v := int16(binary.LittleEndian.Uint16(buf[i:]))
			if v > -loud && v < loud {
				silence++
			} else {
				if silence > 48 {
					rises = append(rises, rise{at, silence})
				}
				silence = 0
			}
			at++
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return rises, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// onsets places rises on the presentation timeline, and drops those that do not begin a beep.
func onsets(infos []shown, rises []rise) []time.Duration {
	var out []time.Duration
	start := int64(0) // first PCM sample of the frame
	unbroken := start // first PCM sample since the last jump
	for i, f := range infos {
		if i > 0 && jumps(infos[i-1], f) {
			unbroken = start
		}
		for len(rises) > 0 && rises[0].at < start+int64(f.samples) {
			r := rises[0]
			rises = rises[1:]
			if lasting(min(r.silence, r.at-unbroken), f.rate) >= quiet {
				out = append(out, time.Duration(f.pts)+lasting(r.at-start-riseOf(f.rate), f.rate))
			}
		}
		start += int64(f.samples)
	}
	slices.Sort(out)
	return out
}

// lasting returns how long some PCM samples last.
func lasting(samples int64, rate int) time.Duration {
	return time.Duration(samples) * time.Second / time.Duration(rate)
}

// riseOf returns the delay between the start of a tone and its loudness, in PCM samples.
func riseOf(rate int) int64 {
	if rate == 48000 {
		return aacRise
	}
	return 0
}

// jumps says whether the times leave a hole or an overlap of 5 ms or more between two frames:
// more than what timescales round away.
func jumps(a, b shown) bool {
	off := time.Duration(b.pts-a.pts) - lasting(int64(a.samples), a.rate)
	return off.Abs() >= 5*time.Millisecond
}

// Sound decodes the first audio track and returns when its first PCM sample is heard and when its
// last one ends, on the presentation timeline.
func Sound(t testing.TB, path string) (from, to time.Duration) {
	t.Helper()
	infos := ffmpeg(t, path, "a:0", listen, "null", func(r io.Reader) error {
		_, err := io.Copy(io.Discard, r)
		return err
	})
	if len(infos) == 0 {
		t.Fatalf("%s: no sound is heard", path)
	}
	last := infos[len(infos)-1]
	return time.Duration(infos[0].pts), time.Duration(last.pts) + lasting(int64(last.samples), last.rate)
}
