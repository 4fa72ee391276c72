package e2e_test

import (
	"slices"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/clip"
)

// content is what a clip holds, as ffprobe finds it.
type content struct{ video, audio []string }

func contentOf(t *testing.T, path string) content {
	t.Helper()
	return content{video: samples(t, path, "v:0"), audio: samples(t, path, "a:0")}
}

// equal fails the test where a clip lacks a sample of c, or has one more, or in another place.
func (c content) equal(t *testing.T, got content) {
	t.Helper()
	if !slices.Equal(got.video, c.video) {
		t.Errorf("%d pictures, other than the %d of the undisturbed run", len(got.video), len(c.video))
	}
	if !slices.Equal(got.audio, c.audio) {
		t.Errorf("%d blocks of sound, other than the %d of the undisturbed run", len(got.audio), len(c.audio))
	}
}

func TestGetEndsInTheSameClipWhateverGoesWrong(t *testing.T) {
	t.Parallel()
	const (
		usual   = "door:size=320x192,sound=aac,bframes=1,for=5m,gap=2m5s+30s"
		changes = "door:size=320x192,sound=aac,gop=2s,for=6m,codec=1m1s,resize=2m3s+640x360,resize=3m7s+320x192,track=4m+alaw,resize=5m1s+640x360"
		short   = "door:size=320x192,sound=alaw,fps=10,gop=500ms,for=7m"
		fat     = "door:size=320x192,sound=alaw,rate=6M,for=4m"
	)
	unlisted := []string{"--deny", "ListFragments,DescribeStream,ListStreams"}
	for name, tc := range map[string]struct {
		camera   string
		switches []string
		args     []string
		check    func(*testing.T, *clip.Report)
	}{
		"throttled":       {usual, []string{"--throttle-rate", "0.4"}, []string{"--piece", "40s"}, throttled},
		"broken bodies":   {usual, []string{"--cut-rate", "0.3"}, []string{"--piece", "10s"}, retried},
		"failing":         {usual, []string{"--error-rate", "0.2"}, []string{"--piece", "10s"}, retried},
		"hesitating":      {usual, []string{"--stall-rate", "0.5", "--stall-for", "200ms"}, []string{"--piece", "10s"}, nil},
		"moving endpoint": {usual, []string{"--rotate-every", "3"}, []string{"--piece", "10s"}, retried},
		"scarce points":   {usual, []string{"--seed", "3", "--lag", "1s", "--tps"}, []string{"-j", "32", "--piece", "2s"}, nil},
		"chunked and cut": {usual, []string{"--cut-rate", "0.3", "--content-length=false"}, []string{"--piece", "10s"}, retried},
		"all at once": {
			usual,
			[]string{"--throttle-rate", "0.1", "--cut-rate", "0.1", "--error-rate", "0.1", "--rotate-every", "7", "--latency", "5ms"},
			[]string{"--piece", "10s"},
			retried,
		},
		"cut short":              {usual, []string{"--clip-fragments", "17"}, nil, halved},
		"cut short by bytes":     {usual, []string{"--clip-bytes", "300k"}, nil, halved},
		"unlisted":               {usual, unlisted, nil, noted},
		"unlisted, broken":       {usual, append(unlisted, "--cut-rate", "0.3", "--throttle-rate", "0.1"), []string{"--piece", "40s"}, noted},
		"unlisted, cut at 200":   {short, unlisted, nil, noted},
		"unlisted, cut at bytes": {fat, unlisted, nil, noted},
		"unlisted, refused":      {changes, unlisted, nil, noted},
		"refused":                {changes, nil, nil, turned},
		"refused in other words": {changes, []string{"--change-error", "UnsupportedStreamMediaTypeException"}, nil, turned},
		"refused, clips alone":   {changes, nil, []string{"--engine", "clip"}, halved},
		"refused, denied":        {changes, []string{"--deny", "GetMediaForFragmentList"}, nil, halved},
		"fragments, broken":      {usual, []string{"--cut-rate", "0.2", "--throttle-rate", "0.1", "--error-rate", "0.1"}, []string{"--piece", "40s", "--engine", "fragments"}, throttled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			get := []string{
				"get", "door", "--from", begin.Format(time.RFC3339), "--to", after(8 * time.Minute),
				"--clock", "producer", "--trim", "fragment", "-o", "clip.mp4",
			}
			calm := emulate(t, "--camera", tc.camera)
			reference := calm.report(t, append(get, tc.args...)...)
			storm := emulate(t, append(tc.switches, "--camera", tc.camera)...)
			report := storm.report(t, append(get, tc.args...)...)
			t.Logf("%d pieces, %d calls, %d throttled, %d retried, %.1f MB for %.1f MB, %d ms; undisturbed %d ms",
				report.Pieces, report.Calls.GetClip, report.Calls.Throttled, report.Calls.Retried,
				float64(report.BytesFetched)/1e6, float64(reference.BytesFetched)/1e6, report.ElapsedMs, reference.ElapsedMs)
			if report.Pieces == reference.Pieces && report.Fragments.Listed > 0 && report.Outputs[0].SHA256 != reference.Outputs[0].SHA256 {
				t.Error("the file differs from that of the undisturbed run")
			}
			contentOf(t, calm.path("clip.mp4")).equal(t, contentOf(t, storm.path("clip.mp4")))
			whole(t, storm.path("clip.mp4"))
			if tc.check != nil {
				tc.check(t, report)
			}
			tidied(t, storm.home)
		})
	}
}

func turned(t *testing.T, r *clip.Report) {
	t.Helper()
	if r.Calls.GetMediaForFragmentList == 0 || r.Engine != "fragments" && r.Engine != "clip+fragments" {
		t.Errorf("calls %+v, engine %q: nothing came fragment by fragment", r.Calls, r.Engine)
	}
}

func throttled(t *testing.T, r *clip.Report) {
	t.Helper()
	if r.Calls.Throttled == 0 {
		t.Error("the report tells of no throttled call")
	}
}

func retried(t *testing.T, r *clip.Report) {
	t.Helper()
	if r.Calls.Retried == 0 {
		t.Error("the report tells of no call that was tried again")
	}
}

func halved(t *testing.T, r *clip.Report) {
	t.Helper()
	if r.Calls.GetClip <= r.Pieces {
		t.Errorf("%d calls for %d pieces: nothing was halved", r.Calls.GetClip, r.Pieces)
	}
}

func noted(t *testing.T, r *clip.Report) {
	t.Helper()
	if len(r.Notes) == 0 {
		t.Error("the report has no note that listing was denied")
	}
	if r.Fragments != (clip.Fragments{}) {
		t.Errorf("the report counts fragments that could not be listed: %+v", r.Fragments)
	}
}
