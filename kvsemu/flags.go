package kvsemu

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// RegisterFlags makes a flag for every switch of s but the functions and the cameras. Defaults are
// what the fields hold; lists may be given in parts.
func (s *Server) RegisterFlags(fs *flag.FlagSet) {
	fs.StringVar(&s.Region, "region", s.Region, "`region` of the streams; other signatures are refused (any region)")
	fs.StringVar(&s.Account, "account", s.Account, "account `number` in ARNs (111122223333)")
	fs.Uint64Var(&s.Seed, "seed", s.Seed, "`number` that all chance comes from")
	fs.DurationVar(&s.Latency, "latency", s.Latency, "`time` before each answer")
	fs.DurationVar(&s.Lag, "lag", s.Lag, "`time` until a new fragment can be listed")
	fs.DurationVar(&s.Creating, "creating", s.Creating, "`time` a created stream is not active yet")
	fs.Var(not{&s.NoPoints}, "points", "keep the quota of 500 media and 10,000 metadata points a second and stream")
	fs.BoolVar(&s.TPS, "tps", s.TPS, "allow 5 calls a second, stream and control operation")
	fs.Func("bandwidth", "`bytes` a second of one answer, as 2M (no limit)", amount(&s.Bandwidth))
	fs.IntVar(&s.MaxRequests, "max-requests", s.MaxRequests, "`number` of requests worked on at once (256)")
	fs.IntVar(&s.ClipFragments, "clip-fragments", s.ClipFragments, "`number` of fragments at which a clip silently ends (200)")
	fs.Func("clip-bytes", "`bytes` at which a clip silently ends (100M)", amount(&s.ClipBytes))
	fs.StringVar(&s.ChangeCode, "change-error", s.ChangeCode, "`exception` for a clip with two codec configurations (InvalidCodecPrivateDataException)")
	fs.Var(rate{&s.ThrottleRate}, "throttle-rate", "`share` of calls refused with ClientLimitExceededException, 0 to 1")
	fs.Var(rate{&s.ErrorRate}, "error-rate", "`share` of calls that fail with InternalFailure, 0 to 1")
	fs.Var(rate{&s.CutRate}, "cut-rate", "`share` of clips that break off, 0 to 1")
	fs.Var(rate{&s.StallRate}, "stall-rate", "`share` of clips that stall, 0 to 1")
	fs.DurationVar(&s.StallFor, "stall-for", s.StallFor, "`time` a clip stalls (until the client goes away)")
	fs.IntVar(&s.RotateEvery, "rotate-every", s.RotateEvery, "`number` of data calls after which the data endpoint changes (never)")
	fs.Func("deny", "IAM `actions` that are not allowed, as ListFragments,GetClip", func(v string) error {
		actions := strings.Split(v, ",")
		if err := checkActions(actions); err != nil {
			return err
		}
		s.Deny = append(s.Deny, actions...)
		return nil
	})
	fs.BoolVar(&s.Expired, "expired", s.Expired, "treat the session token as expired")
	fs.IntVar(&s.ExpireAfter, "expire-after", s.ExpireAfter, "`number` of data calls after which the session token expires (never)")
	fs.DurationVar(&s.ClockSkew, "clock-skew", s.ClockSkew, "`time` the service's clock is ahead of this machine's, as 1h or -10m; recordings stay")
	fs.DurationVar(&s.Idle, "idle", s.Idle, "`time` an upload may be silent before it is ended (30s)")
	fs.DurationVar(&s.MediaWait, "media-wait", s.MediaWait, "`time` GetMedia waits for another fragment before it ends (3s)")
	fs.StringVar(&s.DataDir, "data", s.DataDir, "`folder` that keeps created streams and uploads from one start to the next (memory)")
	fs.Func("max-stored", "`bytes` of uploads a stream keeps in memory, as 500M (1 GiB)", amount(&s.MaxStored))
	fs.IntVar(&s.LostFor, "lost-for", s.LostFor, "`number` of times a lost fragment is missing from GetMediaForFragmentList (always)")
	fs.BoolVar(&s.LongTagNames, "long-tag-names", s.LongTagNames, "spell the tags of fragments as the documentation does, as SERVER_SIDE_TIMESTAMP")
	s.Clip.registerFlags(fs)
}

// checkActions refuses what is no action of the service's, nor the one of STS that is answered here.
func checkActions(actions []string) error {
	known := []string{"ListFragments", "GetClip", "GetMediaForFragmentList"} // the most wanted first
	for _, op := range operations {
		if !slices.Contains(known, op.name) {
			known = append(known, op.name)
		}
	}
	slices.Sort(known[3:])
	for _, action := range actions {
		service, name, named := strings.Cut(action, ":")
		if !named {
			service, name = "kinesisvideo", action
		}
		if action == "GetCallerIdentity" || action == "sts:GetCallerIdentity" || service == "kinesisvideo" && slices.Contains(known, name) {
			continue
		}
		which := ""
		if len(actions) > 1 {
			which = strconv.Quote(action) + " is "
		}
		return fmt.Errorf("%sno such action; see %s, sts:GetCallerIdentity", which, strings.Join(known, ", "))
	}
	return nil
}

// registerFlags makes a flag for each choice of the layout.
func (l *Layout) registerFlags(fs *flag.FlagSet) {
	fs.Var(choice{&l.MoovLast, "first", "last"}, "moov", "`place` of the index in a clip: first or last")
	fs.BoolVar(&l.EditList, "edit-list", l.EditList, "write edit lists")
	fs.Func("hevc-tag", "sample `entry` of H.265: hvc1 or hev1 (hvc1)", func(v string) error {
		if v != "hvc1" && v != "hev1" {
			return fmt.Errorf("expected hvc1 or hev1")
		}
		l.HEVCTag = v
		return nil
	})
	fs.Func("ctts", "`version` of composition offsets: 0 or 1 (0)", func(v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 || n > 1 {
			return fmt.Errorf("expected 0 or 1")
		}
		l.CTTS = n
		return nil
	})
	fs.BoolVar(&l.Large64, "large64", l.Large64, "write 64-bit offsets and sizes")
	fs.Var(not{&l.Chunked}, "content-length", "tell the length of clips")
	fs.Var(choice{&l.KeepGaps, "collapse", "keep"}, "gaps", "`what` happens to gaps inside a clip: collapse or keep")
}

// not is a boolean flag that says the opposite of its field.
type not struct{ p *bool }

func (n not) String() string { return strconv.FormatBool(n.p == nil || !*n.p) }

func (n not) Set(v string) error {
	b, err := strconv.ParseBool(v)
	*n.p = !b
	return err
}

// Type lets help say nothing of a value where it names types, as pflag does.
func (n not) Type() string { return "bool" }

// IsBoolFlag lets -points stand for -points=true.
func (n not) IsBoolFlag() bool { return true }

// choice is a flag with one word for a field that is not set and one for a field that is.
type choice struct {
	p       *bool
	no, yes string
}

func (c choice) String() string {
	if c.p != nil && *c.p {
		return c.yes
	}
	return c.no
}

func (c choice) Set(v string) error {
	if v != c.no && v != c.yes {
		return fmt.Errorf("expected %s or %s", c.no, c.yes)
	}
	*c.p = v == c.yes
	return nil
}

// rate is a share from 0 to 1.
type rate struct{ p *float64 }

func (r rate) String() string {
	if r.p == nil {
		return "0"
	}
	return strconv.FormatFloat(*r.p, 'g', -1, 64)
}

func (r rate) Set(v string) error {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		return fmt.Errorf("expected a number from 0 to 1")
	}
	*r.p = f
	return nil
}

// amount sets p to a number with k, M or G.
func amount(p *int64) func(string) error {
	return func(v string) (err error) {
		*p, err = parseAmount(v)
		return err
	}
}
