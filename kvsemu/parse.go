package kvsemu

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseCamera reads "NAME" or "NAME:key=value,..."; the package comment lists the keys. Errors
// quote the key and say what was expected. Whether the file can be replayed shows at Start.
func ParseCamera(text string) (name string, c Camera, err error) {
	name, rest, _ := strings.Cut(text, ":")
	if !streamName.MatchString(name) {
		return "", Camera{}, fmt.Errorf("camera %q: expected a name of 1 to 256 of a-z, A-Z, 0-9, _ . -, then perhaps :key=value,", text)
	}
	for part := range strings.SplitSeq(rest, ",") {
		if part == "" {
			continue
		}
		key, value, given := strings.Cut(part, "=")
		if err := c.set(key, value, given); err != nil {
			return "", Camera{}, fmt.Errorf("camera %q: %s: %w", name, key, err)
		}
	}
	if err := c.check(); err != nil {
		return "", Camera{}, fmt.Errorf("camera %q: %w", name, err)
	}
	if c.File == "" {
		for _, s := range c.specs() {
			if err := s.Check(); err != nil {
				return "", Camera{}, fmt.Errorf("camera %q: %w", name, err)
			}
		}
	}
	return name, c, nil
}

// setters are what each key does.
var setters = map[string]func(*Camera, string) error{
	"fps":           func(c *Camera, v string) (err error) { c.FPS, err = parseRate(v); return },
	"gop":           func(c *Camera, v string) (err error) { c.GOP, err = parseSpan(v); return },
	"bframes":       func(c *Camera, v string) (err error) { c.BFrames, err = strconv.Atoi(v); return },
	"sound":         func(c *Camera, v string) (err error) { c.Sound, err = parseSound(v, ""); return },
	"size":          func(c *Camera, v string) (err error) { c.Width, c.Height, err = parseSize(v); return },
	"rate":          func(c *Camera, v string) (err error) { c.Rate, err = parseAmount(v); return },
	"file":          func(c *Camera, v string) error { c.File = v; return nil },
	"from":          (*Camera).setFrom,
	"for":           func(c *Camera, v string) (err error) { c.For, err = parseSpan(v); return },
	"gap":           (*Camera).addGap,
	"codec":         (*Camera).addCodec,
	"resize":        (*Camera).addResize,
	"track":         (*Camera).addTrack,
	"again":         (*Camera).addAgain,
	"jitter":        func(c *Camera, v string) (err error) { c.Jitter, err = time.ParseDuration(v); return },
	"upload":        (*Camera).setUpload,
	"server-jitter": func(c *Camera, v string) (err error) { c.ServerJitter, err = time.ParseDuration(v); return },
	"clock-offset":  func(c *Camera, v string) (err error) { c.ClockOffset, err = time.ParseDuration(v); return },
	"retention":     (*Camera).setRetention,
	"clock":         (*Camera).addClock,
	"late":          (*Camera).addLate,
	"replay":        (*Camera).addReplay,
	"lost":          (*Camera).addLost,
	"pictures":      func(c *Camera, v string) error { c.Pictures = v; return nil },
	"tag":           (*Camera).addTag,
	"kms":           func(c *Camera, v string) error { c.KMS = v; return nil },
}

// switches are the keys that need no value.
var switches = map[string]func(*Camera) *bool{
	"irregular": func(c *Camera) *bool { return &c.Irregular },
	"relative":  func(c *Camera) *bool { return &c.Relative },
}

// set applies one key.
func (c *Camera) set(key, value string, given bool) error {
	if on := switches[key]; on != nil {
		return setSwitch(on(c), value, given)
	}
	setter := setters[key]
	if setter == nil {
		return fmt.Errorf("unknown key; see fps, gop, bframes, sound, size, rate, file, from, for, gap, codec, resize, track, again, " +
			"jitter, irregular, upload, server-jitter, clock-offset, retention, relative, clock, late, replay, lost, pictures, tag, kms")
	}
	if value == "" {
		return fmt.Errorf("expected %s=VALUE", key)
	}
	return setter(c, value)
}

func setSwitch(on *bool, value string, given bool) (err error) {
	if *on = true; given {
		*on, err = strconv.ParseBool(value)
	}
	return err
}

// parseRate reads pictures a second: a number or a fraction.
func parseRate(v string) (float64, error) {
	num, den, fraction := strings.Cut(v, "/")
	a, err := strconv.ParseFloat(num, 64)
	b := 1.0
	if err == nil && fraction {
		b, err = strconv.ParseFloat(den, 64)
	}
	if err != nil || !(a/b > 0) || math.IsInf(a/b, 0) {
		return 0, fmt.Errorf("expected pictures a second, as 25, 29.97 or 30000/1001, got %q", v)
	}
	return a / b, nil
}

// parseSpan reads a duration above 0.
func parseSpan(v string) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("expected a length of time above 0, as 90s or 1h30m, got %q", v)
	}
	return d, nil
}

// parseSound reads a sound; none is what "none" turns into.
func parseSound(v, none string) (string, error) {
	switch v {
	case "none":
		return none, nil
	case "aac", "alaw", "ulaw":
		return v, nil
	}
	return "", fmt.Errorf("expected aac, alaw, ulaw or none, got %q", v)
}

// parseSize reads WIDTHxHEIGHT.
func parseSize(v string) (width, height int, err error) {
	w, h, ok := strings.Cut(v, "x")
	width, err = strconv.Atoi(w)
	if err == nil {
		height, err = strconv.Atoi(h)
	}
	if !ok || err != nil || width <= 0 || height <= 0 {
		return 0, 0, fmt.Errorf("expected WIDTHxHEIGHT, got %q", v)
	}
	return width, height, nil
}

// parseAmount reads a number with k, M or G.
func parseAmount(v string) (int64, error) {
	number, unit := v, 1.0
	if n := len(v); n > 0 {
		switch v[n-1] {
		case 'k', 'K':
			number, unit = v[:n-1], 1e3
		case 'M':
			number, unit = v[:n-1], 1e6
		case 'G':
			number, unit = v[:n-1], 1e9
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || f < 0 || f*unit > 1e12 {
		return 0, fmt.Errorf("expected a number, as 500k or 2M, got %q", v)
	}
	return int64(f * unit), nil
}

// parseAfter reads AFTER+LENGTH.
func parseAfter(v string) (after, length time.Duration, err error) {
	a, l, ok := strings.Cut(v, "+")
	after, err = time.ParseDuration(a)
	if err == nil {
		length, err = time.ParseDuration(l)
	}
	if !ok || err != nil {
		return 0, 0, fmt.Errorf("expected AFTER+LENGTH, as 10m+30s, got %q", v)
	}
	return after, length, nil
}

func (c *Camera) setFrom(v string) error {
	if t, err := time.Parse(time.RFC3339Nano, v); err == nil {
		c.From = t
		return nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d >= 0 {
		return fmt.Errorf("expected a time before now, as -2h, or RFC 3339, got %q", v)
	}
	c.Ago = -d
	return nil
}

func (c *Camera) addGap(v string) error {
	after, length, err := parseAfter(v)
	c.Gaps = append(c.Gaps, Gap{After: after, Length: length})
	return err
}

func (c *Camera) addAgain(v string) error {
	after, length, err := parseAfter(v)
	c.Again = append(c.Again, Again{After: after, Length: length})
	return err
}

func (c *Camera) addReplay(v string) error {
	after, length, err := parseAfter(v)
	c.Replays = append(c.Replays, Replay{After: after, Length: length})
	return err
}

func (c *Camera) addLost(v string) error {
	after, length, err := parseAfter(v)
	c.Lost = append(c.Lost, Lost{After: after, Length: length})
	return err
}

// addTag reads NAME:VALUE or NAME:VALUE@AFTER+LENGTH.
func (c *Camera) addTag(v string) (err error) {
	var t Tag
	if k := strings.LastIndexByte(v, '@'); k >= 0 {
		if t.After, t.Length, err = parseAfter(v[k+1:]); err != nil {
			return err
		}
		v = v[:k]
	}
	var ok bool
	if t.Name, t.Value, ok = strings.Cut(v, ":"); !ok {
		return fmt.Errorf("expected NAME:VALUE or NAME:VALUE@AFTER+LENGTH, as motion:true@10m+30s, got %q", v)
	}
	c.Tags = append(c.Tags, t)
	return nil
}

// addLate reads AFTER+LENGTH or AFTER+LENGTHxSPEED.
func (c *Camera) addLate(v string) (err error) {
	span, speed, given := strings.Cut(v, "x")
	var l Late
	if l.After, l.Length, err = parseAfter(span); err != nil {
		return err
	}
	if given {
		if l.Speed, err = strconv.ParseFloat(speed, 64); err != nil || l.Speed == 0 {
			return fmt.Errorf("expected AFTER+LENGTHxSPEED, as 10m+5m or 10m+5mx3, got %q", v)
		}
	}
	c.Late = append(c.Late, l)
	return nil
}

// addClock reads AFTER+LENGTH or AFTER-LENGTH.
func (c *Camera) addClock(v string) error {
	after, by := v, ""
	if k := strings.LastIndexAny(v, "+-"); k > 0 {
		after, by = v[:k], v[k:]
	}
	var s ClockStep
	var err error
	if s.After, err = time.ParseDuration(after); err == nil {
		s.By, err = time.ParseDuration(by)
	}
	if err != nil {
		return fmt.Errorf("expected AFTER+LENGTH or AFTER-LENGTH, as 10m-1h, got %q", v)
	}
	c.ClockSteps = append(c.ClockSteps, s)
	return nil
}

func (c *Camera) addCodec(v string) error {
	after, err := parseSpan(v)
	c.Changes = append(c.Changes, Change{After: after})
	return err
}

func (c *Camera) addResize(v string) error {
	after, size, _ := strings.Cut(v, "+")
	var ch Change
	var err error
	if ch.After, err = parseSpan(after); err != nil {
		return err
	}
	ch.Width, ch.Height, err = parseSize(size)
	c.Changes = append(c.Changes, ch)
	return err
}

func (c *Camera) addTrack(v string) error {
	after, sound, _ := strings.Cut(v, "+")
	var ch Change
	var err error
	if ch.After, err = parseSpan(after); err != nil {
		return err
	}
	ch.Sound, err = parseSound(sound, "none")
	c.Changes = append(c.Changes, ch)
	return err
}

func (c *Camera) setUpload(v string) (err error) {
	if c.Upload, err = time.ParseDuration(v); err == nil && c.Upload == 0 {
		c.Upload = -1
	}
	return err
}

func (c *Camera) setRetention(v string) (err error) {
	if c.Retention, err = time.ParseDuration(v); err == nil && c.Retention == 0 {
		c.Retention = -1
	}
	return err
}
