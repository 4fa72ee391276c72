package kvsemu_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/internal/judgetest"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// codecs are what ffprobe calls the tracks of a file.
func codecs(t *testing.T, path string) string {
	t.Helper()
	return strings.Join(strings.Fields(program(t, nil, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", path)), " ")
}

func TestCamerasThatClipsRefuse(t *testing.T) {
	for cam, want := range map[string]string{
		"cam:gop=2s,fps=5,sound=ulaw":               "h264 pcm_mulaw",
		"cam:gop=2s,fps=5,pictures=none,sound=aac":  "aac",
		"cam:gop=2s,fps=5,pictures=none,sound=ulaw": "pcm_mulaw",
	} {
		s := &kvsemu.Server{Cameras: cameras(t, cam)}
		run := start(t, s)
		body := between("ClipFragmentSelector", "cam", "PRODUCER", noon, noon.Add(time.Minute))
		if status, code, _ := call(t, run.DataURL+"/getClip", body); status != 400 || code != "UnsupportedStreamMediaTypeException" {
			t.Errorf("%s: GetClip: %d %s, want 400 UnsupportedStreamMediaTypeException", cam, status, code)
		}
		all := recorded(t, s)
		got := matroska(t, run, "cam", all[3].Number)
		path := keep(t, "one.mkv", got)
		if got := codecs(t, path); got != want {
			t.Errorf("%s: tracks %s, want %s", cam, got, want)
		}
		if all[3].Server.Sub(all[2].Server) != 2*time.Second || int64(len(got)) > all[3].Size || (all[3].Pictures == 0) != strings.Contains(cam, "none") {
			t.Errorf("%s: %+v then %+v; %d bytes", cam, all[2], all[3], len(got))
		}
		if beeps := judgetest.Beeps(t, path); len(beeps) != 1 || (beeps[0]-time.Duration(noon.UnixNano())-7*time.Second).Abs() > 25*time.Millisecond {
			t.Errorf("%s: beeps at %v, want one at noon and 7 s", cam, beeps)
		}
	}
}

func TestTags(t *testing.T) {
	s := &kvsemu.Server{Cameras: cameras(t, "cam:gop=1s,fps=5,sound=aac,tag=motion:true@3s+2s,tag=place:door: left")}
	run := start(t, s)
	for i, f := range recorded(t, s)[:8] {
		body := matroska(t, run, "cam", f.Number)
		got := tags(t, keep(t, "one.mkv", body))
		if moved := got["motion"] == "true" || got["MOTION"] == "true"; moved != (i == 3 || i == 4) || got["place"]+got["PLACE"] != "door: left" {
			t.Errorf("fragment %d: tags %v", i, got)
		}
		if int64(len(body)) > f.Size {
			t.Errorf("fragment %d: %d bytes, listed with %d", i, len(body), f.Size)
		}
	}
	wantPictures(t, clipBetween(t, run, "cam", noon, noon.Add(5*time.Second)), 0, 30, 0)
}

func TestReplayedMatroska(t *testing.T) {
	for want, args := range map[string][]string{
		"h264 aac":        {"-c:v", "libx264", "-bf", "2", "-c:a", "aac"},
		"mjpeg pcm_s16le": {"-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_s16le"},
		"vp8 opus":        {"-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"},
		"hevc":            {"-c:v", "libx265", "-x265-params", "log-level=error:open-gop=0", "-an"},
	} {
		t.Run(want, func(t *testing.T) {
			path := made(t, args...)
			s := &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"cam": {File: path, From: noon}}}
			run := start(t, s)
			all := recorded(t, s)
			var got []string
			for i := range all {
				if all[i].Producer.Sub(noon) >= 3900*time.Millisecond {
					break
				}
				one := keep(t, "one.mkv", matroska(t, run, "cam", all[i].Number))
				if i < 2 && codecs(t, one) != want {
					t.Errorf("fragment %d: tracks %s, want %s", i, codecs(t, one), want)
				}
				got = append(got, hashes(t, one, "v:0")...)
			}
			if sent := hashes(t, path, "v:0"); !slices.Equal(got, sent[:len(got)]) || len(got) < len(sent)-1 {
				t.Errorf("%d pictures of fragments, want the %d of the file", len(got), len(sent))
			}
			status, code, _ := call(t, run.DataURL+"/getClip", between("ClipFragmentSelector", "cam", "PRODUCER", noon, noon.Add(3*time.Second)))
			if playable := want == "h264 aac" || want == "hevc"; playable != (status == 200) || !playable && code != "UnsupportedStreamMediaTypeException" {
				t.Errorf("GetClip: %d %s", status, code)
			}
		})
	}
}
