package judgetest

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Packet is one coded sample as ffprobe finds it in the file, in decode order.
type Packet struct {
	PTS, DTS  int64  // ticks of Timescale, with the edit list applied
	Timescale int64  // ticks per second
	Size      int    // bytes
	Hash      string // SHA-256 of the bytes, hexadecimal
	Key       bool   // decoding can start here
	Discard   bool   // an edit list cuts it away: it is decoded and not shown
}

// Time returns when the packet is presented.
func (p Packet) Time() time.Duration {
	return time.Duration(p.PTS/p.Timescale)*time.Second +
		time.Duration(p.PTS%p.Timescale)*time.Second/time.Duration(p.Timescale)
}

// Packets lists the coded samples of one track, such as "v:0" or "a:0". It stops the test if
// ffprobe complains of anything, or a packet has no times.
func Packets(t testing.TB, path string, stream string) []Packet {
	t.Helper()
	var list packetList
	run(t, list.read, func(string) {}, "ffprobe", "-hide_banner", "-loglevel", "level+error", "-select_streams", stream,
		"-show_data_hash", "sha256", "-show_entries", "packet=pts,dts,size,flags,data_hash:stream=time_base", "-of", "flat", path)
	if list.timescale == 0 {
		t.Fatalf("%s: no stream %s with a timebase of one tick", path, stream)
	}
	for i := range list.packets {
		list.packets[i].Timescale = list.timescale
	}
	return list.packets
}

// packetList is what ffprobe tells, line by line.
type packetList struct {
	packets   []Packet
	timescale int64
}

// read reads lines such as `packets.packet.0.size="4"` and `streams.stream.0.time_base="1/1000"`.
// (Side data has no such lines of its own but would break up the compact format.)
func (l *packetList) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), "=")
		value = strings.Trim(value, `"`)
		words := strings.Split(name, ".")
		if len(words) != 4 {
			continue
		}
		if words[0] == "streams" {
			l.timescale = timebase(value)
			continue
		}
		if words[2] == strconv.Itoa(len(l.packets)) {
			l.packets = append(l.packets, Packet{})
		}
		if err := l.packets[len(l.packets)-1].set(words[3], value); err != nil {
			return fmt.Errorf("%q: %w", lines.Text(), err)
		}
	}
	return lines.Err()
}

// set takes over one field as ffprobe tells it.
func (p *Packet) set(key, value string) (err error) {
	switch key {
	case "pts":
		p.PTS, err = strconv.ParseInt(value, 10, 64)
	case "dts":
		p.DTS, err = strconv.ParseInt(value, 10, 64)
	case "size":
		p.Size, err = strconv.Atoi(value)
	case "flags":
		p.Key, p.Discard = strings.Contains(value, "K"), strings.Contains(value, "D")
	case "data_hash":
		p.Hash = strings.TrimPrefix(value, "SHA256:")
	}
	return err
}

// timebase returns n of "1/n", else 0.
func timebase(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimPrefix(s, "1/"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
