package kvsemu_test

import (
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kvsclip/kvsclip/kvsemu"
)

func TestFlags(t *testing.T) {
	parse := func(line string) (*kvsemu.Server, error) {
		s := &kvsemu.Server{}
		fs := flag.NewFlagSet("emulate", flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		s.RegisterFlags(fs)
		return s, fs.Parse(strings.Fields(line))
	}
	got, err := parse("-latency 5ms -points=false -throttle-rate 0.3 -error-rate .1 -cut-rate 1 -stall-rate 0 -stall-for 3s -bandwidth 2M " +
		"-rotate-every 4 -deny ListFragments,GetClip -deny GetMedia -expired -moov last -edit-list -hevc-tag hev1 -ctts 1 -large64 " +
		"-content-length=false -gaps keep -seed 9 -region us-east-1 -account 1 -tps -lag 1s -creating 2s -max-requests 8 " +
		"-clip-fragments 3 -clip-bytes 1k -change-error X -expire-after 5 -clock-skew -90s")
	want := &kvsemu.Server{
		Latency: 5 * time.Millisecond, NoPoints: true, ThrottleRate: .3, ErrorRate: .1, CutRate: 1, StallFor: 3 * time.Second, Bandwidth: 2_000_000,
		RotateEvery: 4, Deny: []string{"ListFragments", "GetClip", "GetMedia"}, Expired: true, Seed: 9, Region: "us-east-1", Account: "1",
		TPS: true, Lag: time.Second, Creating: 2 * time.Second, MaxRequests: 8, ClipFragments: 3, ClipBytes: 1000, ChangeCode: "X",
		ExpireAfter: 5, ClockSkew: -90 * time.Second,
		Clip: kvsemu.Layout{MoovLast: true, EditList: true, HEVCTag: "hev1", CTTS: 1, Large64: true, Chunked: true, KeepGaps: true},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(kvsemu.Server{})); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if got, err := parse(""); err != nil || cmp.Diff(&kvsemu.Server{}, got, cmpopts.IgnoreUnexported(kvsemu.Server{})) != "" {
		t.Errorf("no flags: %+v, %v, want the zero server", got, err)
	}
	if got, err := parse("-deny kinesisvideo:GetClip,sts:GetCallerIdentity,GetCallerIdentity"); err != nil || len(got.Deny) != 3 {
		t.Errorf("actions with their service: got %q, %v; want all three", got.Deny, err)
	}
	for _, line := range []string{
		"-moov middle", "-ctts 2", "-hevc-tag dvh1", "-throttle-rate 2", "-gaps x", "-bandwidth x",
		"-deny Nonsense", "-deny GetClip,Nonsense", "-deny kms:Decrypt", "-deny sts:GetClip", "-deny kinesisvideo:GetCallerIdentity", "-deny getClip",
	} {
		if _, err := parse(line); err == nil {
			t.Errorf("%s: no error", line)
		}
	}
}
