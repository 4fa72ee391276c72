package clip_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kvsclip/kvsclip/archive"
	"github.com/kvsclip/kvsclip/clip"
	"github.com/kvsclip/kvsclip/kvsemu"
)

// noon is when the examples' camera began to film.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// dock starts an emulator with the camera of the examples, and opens a client of it. For the real
// service clip.Open(ctx, clip.Config{Region: "us-west-2"}) is all there is to do.
func dock(ctx context.Context) (*clip.Client, func() error) {
	emu := &kvsemu.Server{Cameras: map[string]kvsemu.Camera{"dock": {
		From: noon, For: time.Hour, FPS: 5, Sound: "alaw", Width: 320, Height: 192,
		Gaps: []kvsemu.Gap{{After: 5 * time.Minute, Length: time.Minute}},
	}}}
	run, err := kvsemu.Start(ctx, emu, "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	client, err := clip.Open(ctx, clip.Config{EndpointURL: run.URL, Anonymous: true})
	if err != nil {
		panic(err)
	}
	return client, run.Close
}

// Half an hour of a camera, with a hole in it, as one MP4.
func Example() {
	ctx := context.Background()
	client, stop := dock(ctx)
	defer stop()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	report, err := client.Get(ctx, clip.Request{
		Stream: "dock",
		Range:  archive.Range{Clock: archive.Producer, From: noon, To: noon.Add(30 * time.Minute)},
		Output: filepath.Join(dir, "dock.mp4"),
	})
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	fmt.Println("fragments:", report.Fragments.Fetched, "of", report.Fragments.Listed)
	for _, g := range report.Gaps {
		fmt.Println("nothing recorded:", g.From.Format("15:04:05"), "to", g.To.Format("15:04:05"))
	}
	for _, o := range report.Outputs {
		fmt.Println(filepath.Base(o.Path), time.Duration(o.DurationMs)*time.Millisecond)
		for _, t := range o.Tracks {
			fmt.Println(" ", t.Kind, t.Codec, t.Samples, "samples")
		}
	}
	// Output:
	// fragments: 870 of 870
	// nothing recorded: 12:05:00 to 12:06:00
	// dock.mp4 29m0s
	//   video avc1.42c00d 8700 samples
	//   audio alaw 87000 samples
}

// What a download would take, without fetching anything.
func ExampleClient_Plan() {
	ctx := context.Background()
	client, stop := dock(ctx)
	defer stop()

	p, err := client.Plan(ctx, clip.Request{
		Stream: "dock",
		Range:  archive.Range{Clock: archive.Producer, From: noon, To: noon.Add(30 * time.Minute)},
	})
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	fmt.Println(p.Fragments(), "fragments in", len(p.Pieces), "pieces,", p.QuotaFloor(), "at the least")
	for _, pc := range p.Pieces {
		fmt.Println(pc.First.Format("15:04:05"), "to", pc.Last.Format("15:04:05"), len(pc.Fragments))
	}
	// Output:
	// 870 fragments in 5 pieces, 1.84s at the least
	// 12:00:00 to 12:04:58 150
	// 12:06:00 to 12:12:38 200
	// 12:12:40 to 12:19:18 200
	// 12:19:20 to 12:25:58 200
	// 12:26:00 to 12:29:58 120
}

// Clips that lie on disk already become one, by the same seams.
func ExampleJoin() {
	ctx := context.Background()
	client, stop := dock(ctx)
	defer stop()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	pieces, err := client.Get(ctx, clip.Request{
		Stream: "dock",
		Range:  archive.Range{Clock: archive.Producer, From: noon, To: noon.Add(3 * time.Minute)},
		Output: filepath.Join(dir, "dock.mp4"),
		Piece:  time.Minute,
		Merge:  clip.MergeNone,
	})
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	var clips []string
	for _, o := range pieces.Outputs {
		clips = append(clips, o.Path)
	}

	report, err := clip.Join(ctx, clip.JoinRequest{Clips: clips, Output: filepath.Join(dir, "joined.mp4")})
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	fmt.Println(len(clips), "clips,", len(report.Seams), "seams,", time.Duration(report.Outputs[0].DurationMs)*time.Millisecond)
	// Output: 3 clips, 2 seams, 3m0s
}
