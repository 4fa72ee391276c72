package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
)

// Sets have twenty clips of two groups of pictures each.
const (
	clipCount = 20
	perClip   = 120 // pictures
	msScale   = 1000
	oddOne    = 9 // index of the clip that differs, in sets where one does
)

// set is twenty clips that belong together, of one layout.
type set struct {
	name   string
	make   func(t testing.TB, path string, i int) // makes clip i, from 0
	codecs int                                    // codec configurations of the joined pictures; 0 means 1
	// guessed lengths of last pictures put the sound of each clip off by chance. Then it may grow,
	// and is held to half a block instead.
	guessed bool
}

// sets are the layouts that clips come in, by the letters of the notes on merging.
func sets() []set {
	return []set{
		{name: "B AAC of each clip, priming and edit lists", make: encodedApart(x264, true)},
		{name: "BK one AAC stream, ms, no edit list", make: cutClips(plain, aac, msScale, nil)},
		{name: "BE as BK, empty edit for the sound", make: cutClips(plain, aac, msScale, emptyEdit)},
		{name: "C B-frames and edit list", make: encodedApart(x264B, false)},
		{name: "CK B-frames, ctts v0, no edit list", make: cutClips(withB, aac, msScale, nil)},
		{name: "CN B-frames, ctts v1, no edit list", make: cutClips(withB, aac, msScale, signedOffsets)},
		{name: "D 29.97 pictures a second in 33 or 34 ms", make: cutClips(ntsc, aac, msScale, nil)},
		{name: "E one clip of another size", make: oddClip(plain, plainLarge, aac), codecs: 2},
		{name: "F one clip of other SPS and PPS", make: oddClip(plain, plainOther, aac), codecs: 2},
		{name: "G A-law in blocks of 20 ms", make: cutClips(plain, alaw, msScale, nil)},
		{name: "GU mu-law in blocks of 20 ms", make: cutClips(plain, mulaw, msScale, nil)},
		{name: "H H.265", make: cutClips(hevc, aac, msScale, nil)},
		{name: "HE H.265, one clip of another size", make: oddClip(hevc, hevcLarge, aac), codecs: 2},
		{name: "HF H.265, one clip of other SPS and PPS", make: oddClip(hevc, hevcOther, aac), codecs: 2},
		{name: "M timescales, ctts versions and hvc1 with hev1 mixed", make: mixed},
		{name: "V pictures of varying length", make: varying(), guessed: true},
		{name: "X one clip without sound", make: silentClip},
	}
}

// encodedApart lets ffmpeg encode and lay out each clip by itself. No two have a picture in common.
func encodedApart(coder []string, sound bool) func(testing.TB, string, int) {
	return func(t testing.TB, path string, i int) {
		args := slices.Concat(picturesOf(usualSize, "30"), toneAt(48000), coder, []string{"-t", "4", "-vf", fmt.Sprintf("hue=h=%d", 17*i)})
		if sound {
			args = append(args, "-ac", "2", "-c:a", "aac", "-af", fmt.Sprintf("volume=0.%02d", 99-i))
		} else {
			args = append(args, "-an")
		}
		runTool(t, "ffmpeg", append(args, "-threads", "1", path)...)
	}
}

// change changes the takes of a clip; late is how long after the pictures the sound begins.
type change func(video, audio *media.Track, late int64)

// cutClips cuts clips out of a picture stock and the sound of the same time, all in ticks of scale.
// Without change there is no edit list and both begin at 0.
func cutClips(pictures, sound func() (*stock, error), scale uint32, c change) func(testing.TB, string, int) {
	return func(t testing.TB, path string, i int) {
		video, audio, late := takes(t, made(t, pictures), made(t, sound), i, scale, scale)
		if c != nil {
			c(video.Track, audio.Track, late)
		}
		pack(t, path, video, audio)
	}
}

// takes takes the pictures of clip i and the sound of the same time.
func takes(t testing.TB, pictures, sound *stock, i int, videoScale, audioScale uint32) (video, audio take, late int64) {
	t.Helper()
	all := pictures.track
	if len(all.Samples) != clipCount*perClip {
		t.Fatalf("stock of %d pictures, want %d", len(all.Samples), clipCount*perClip)
	}
	from, to := all.Samples[i*perClip].Time, all.End
	if i < clipCount-1 {
		to = all.Samples[(i+1)*perClip].Time
	}
	audio, late = sound.between(from, to, all.Timescale, audioScale)
	return pictures.samples(i*perClip, perClip, videoScale), audio, late
}

// emptyEdit keeps the start of the sound by an empty edit.
func emptyEdit(_, audio *media.Track, late int64) {
	if late > 0 {
		audio.Edits = []media.Edit{{Duration: late, Media: -1}, {}}
	}
}

// signedOffsets makes composition begin at 0, so that some offsets are negative (ctts version 1).
func signedOffsets(video, _ *media.Track, _ int64) {
	first, _ := video.FirstComposition()
	for i := range video.Samples {
		video.Samples[i].Shift -= int32(first)
	}
}

// editedOffsets hides the delay of composition by an edit list.
func editedOffsets(video, _ *media.Track, _ int64) {
	first, _ := video.FirstComposition()
	video.Edits = []media.Edit{{Media: first}}
}

// oddClip cuts clips as cutClips does, but one of them has pictures of its own.
func oddClip(pictures, differing, sound func() (*stock, error)) func(testing.TB, string, int) {
	return func(t testing.TB, path string, i int) {
		video, audio, _ := takes(t, made(t, pictures), made(t, sound), i, msScale, msScale)
		if i == oddOne {
			video = made(t, differing).samples(0, perClip, msScale)
		}
		pack(t, path, video, audio)
	}
}

// silentClip cuts clips as cutClips does, but one of them has no sound.
func silentClip(t testing.TB, path string, i int) {
	video, audio, _ := takes(t, made(t, plain), made(t, aac), i, msScale, msScale)
	if i == 4 {
		pack(t, path, video)
		return
	}
	pack(t, path, video, audio)
}

// mixed gives neighbouring clips different timescales, composition offsets and sample entries. All
// ticks are whole in the least common timescale.
func mixed(t testing.TB, path string, i int) {
	scale := [][2]uint32{{1000, 48000}, {90000, 1000}, {15360, 90000}}[i%3]
	video, audio, late := takes(t, made(t, hevc), made(t, aac), i, scale[0], scale[1])
	[]change{func(*media.Track, *media.Track, int64) {}, editedOffsets, signedOffsets}[i%3](video.Track, audio.Track, late)
	if i%2 == 1 {
		c := video.Configs[0]
		c.Format, c.Entry = "hev1", nil
		video.Configs = []media.Config{c}
	}
	pack(t, path, video, audio)
}

// varying gives the pictures lengths of 10 to 54 ms, the same in every run.
func varying() func(testing.TB, string, int) {
	chance := rand.New(rand.NewPCG(20, 4))
	at := make([]int64, clipCount*perClip+1) // in ms
	for i := range at[1:] {
		at[i+1] = at[i] + 10 + chance.Int64N(45)
	}
	return func(t testing.TB, path string, i int) {
		video := made(t, plain).samples(i*perClip, perClip, msScale)
		from, to := at[i*perClip], at[(i+1)*perClip]
		for k := range video.Samples {
			video.Samples[k].Time, video.Samples[k].Shift = at[i*perClip+k]-from, 0
		}
		audio, _ := made(t, aac).between(from, to, msScale, msScale)
		pack(t, path, video.ended(), audio)
	}
}
