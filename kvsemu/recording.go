package kvsemu

import (
	"math"
	"math/big"
	"math/bits"
	"slices"
	"sort"
	"time"

	"github.com/kvsclip/kvsclip/internal/media"
	"github.com/kvsclip/kvsclip/internal/mkv"
)

// recording is what a camera has uploaded and will upload, in order of upload. All times in it
// are milliseconds: of the true clock, the producer's or the service's, since 1970, or offsets.
type recording struct {
	seed   uint64 // the server's and the stream's name
	from   int64  // true clock
	upload int64
	wobble int64  // most that is added to upload
	late   []away // in order; each is over before the next begins
	lost   []span // offsets from from
	tags   []Tag
	runs   []run
}

// run is a stretch of uploads without a break: fragments skip to skip+n of its material.
type run struct {
	material
	start   int64 // true clock minus recording.from, at the material's beginning
	skip, n int64
	first   int64  // number of its first upload in the recording
	seq     uint64 // sequence part of its first fragment number
	ahead   int64  // camera's clock, which the pictures show, minus true clock
	zero    int64  // camera's clock where producer times begin to count
	after   int64  // service clock: no upload of the run is that early
	again   bool   // a second upload, sent in one go
	opens   bool   // the first of its session
}

// material is something filmed, cut into fragments. Times are milliseconds since its beginning.
type material interface {
	count() int64                                          // fragments; endless if it has no end
	begin(i int64) int64                                   // of fragment i; strictly rising
	last(i int64) int64                                    // when its last picture is shown
	until(i int64) int64                                   // begin(i+1), or where the last picture ends
	pictures(i int64) (first int64, n int)                 // number in the recording of its first picture
	sounds(i, origin int64) int64                          // samples of sound
	payload(i, origin int64) int64                         // bytes of all its samples
	apart() int64                                          // fragments begin at least so far apart
	configs() (video, audio media.Config)                  // audio has no Format where there is none
	samples(i, origin int64) (group, error)                // origin: camera's clock at the beginning
	source(cuts []cut) (media.Source, func() error, error) // where offsets of samples lead to
}

// group is the samples of a fragment.
type group struct {
	video []sample // in decode order
	audio []sample // in time order
}

// sample is one sample, at milliseconds after its fragment's begin.
type sample struct {
	at   int64 // composition time
	off  int64 // in the source: of the file, or from the cut's base
	size uint32
	sync bool
}

// cut is a fragment's place in a clip's source.
type cut struct {
	material  material
	i, origin int64
	base      int64 // added to sample offsets
}

const endless = math.MaxInt64

// resend is how far apart the fragments of a second upload arrive.
const resend = 20

// total returns how many fragments there ever will be.
func (r *recording) total() int64 {
	if len(r.runs) == 0 {
		return 0
	}
	last := r.runs[len(r.runs)-1]
	if last.n == endless {
		return endless
	}
	return last.first + last.n
}

// find returns the run of upload u and the index of u in it.
func (r *recording) find(u int64) (*run, int64) {
	k := sort.Search(len(r.runs), func(k int) bool { return r.runs[k].first > u }) - 1
	return &r.runs[k], u - r.runs[k].first
}

// producer returns the producer time of upload u.
func (r *recording) producer(u int64) int64 {
	run, i := r.find(u)
	return r.origin(run) + run.begin(run.skip+i) - run.zero
}

// origin returns the camera's clock at the beginning of the run's material.
func (r *recording) origin(n *run) int64 { return r.from + n.start + n.ahead }

// server returns the service's time of upload u. It rises strictly with u.
func (r *recording) server(u int64) int64 {
	run, i := r.find(u)
	best := r.arrival(run, i)
	for j := i - 1; j >= 0 && !run.again; j-- {
		if r.plain(run, j)+r.wobble+i-j <= best {
			break // and so do all before it
		}
		best = max(best, r.arrival(run, j)+i-j)
	}
	return max(best, run.after+i)
}

// plain is when fragment i of a run arrives without wobble, and arrival is with it, before
// either is made to rise strictly.
func (r *recording) plain(n *run, i int64) int64 {
	if n.again {
		return n.after + resend*i
	}
	return r.from + r.sent(n.start+n.begin(n.skip+i)) + r.upload
}

func (r *recording) arrival(n *run, i int64) int64 {
	at := r.plain(n, i)
	if r.wobble > 0 && !n.again {
		at += int64(chance(r.seed, 'w', uint64(n.first+i)) % uint64(r.wobble+1))
	}
	return at
}

// complete returns when the service has all of upload u.
func (r *recording) complete(u int64) int64 {
	run, i := r.find(u)
	if run.again {
		return r.server(u) + resend
	}
	begin, until := run.start+run.begin(run.skip+i), run.start+run.until(run.skip+i)
	sent := r.sent(until-1) + 1
	took := min(until-begin, sent-r.sent(begin))
	return max(r.server(u)+took, r.from+sent+r.upload) // the network may have gone away in its middle
}

// gone says whether upload u is listed but cannot be had. A second upload can.
func (r *recording) gone(u int64) bool {
	run, i := r.find(u)
	at := run.start + run.begin(run.skip+i)
	return !run.again && slices.ContainsFunc(r.lost, func(s span) bool { return s.lo <= at && at < s.hi })
}

// span is uploads, or milliseconds, from lo up to, not including, hi.
type span struct{ lo, hi int64 }

// held returns what the service holds at now, with data older than since deleted.
func (r *recording) held(now, since int64) span {
	if len(r.runs) == 0 {
		return span{}
	}
	bound := r.total()
	if bound == endless { // fragments begin at least 1 ms apart
		last := r.runs[len(r.runs)-1]
		bound = last.first + max(0, now-r.from-last.start) + 1
	}
	hi := search(0, bound, func(u int64) bool { return r.complete(u) > now })
	return span{search(0, hi, func(u int64) bool { return r.server(u) >= since }), hi}
}

// pick returns the uploads among held whose start lies between a and b, both inclusive, on the
// service's or the producer's clock: one span a run, each in the order of both clocks.
func (r *recording) pick(held span, producer bool, a, b int64) []span {
	at := r.server
	if producer {
		at = r.producer
	}
	var out []span
	for k := range r.runs {
		run := &r.runs[k]
		lo, hi := max(held.lo, run.first), held.hi
		if run.n != endless {
			hi = min(hi, run.first+run.n)
		}
		lo = search(lo, max(lo, hi), func(u int64) bool { return at(u) >= a })
		hi = search(lo, max(lo, hi), func(u int64) bool { return at(u) > b })
		if lo < hi {
			out = append(out, span{lo, hi})
		}
	}
	return out
}

// search is sort.Search over lo to hi.
func search(lo, hi int64, ok func(int64) bool) int64 {
	for lo < hi {
		mid := lo + (hi-lo)/2
		if ok(mid) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// fragment describes upload u.
func (r *recording) fragment(u int64) Fragment {
	run, i := r.find(u)
	i += run.skip
	first, n := run.pictures(i)
	if video, _ := run.configs(); none(video) {
		n = 0
	}
	return Fragment{
		Number:   r.number(u),
		Producer: time.UnixMilli(r.producer(u)).UTC(),
		Server:   time.UnixMilli(r.server(u)).UTC(),
		Length:   time.Duration(run.last(i)-run.begin(i)) * time.Millisecond,
		Size:     r.size(u),
		First:    first, Pictures: n, Lost: r.gone(u),
	}
}

// size is FragmentSizeInBytes: the samples, a head for each, and the fragment's own headers. It is
// a little more than the document has.
func (r *recording) size(u int64) int64 {
	run, i := r.find(u)
	i += run.skip
	_, n := run.pictures(i)
	size := run.payload(i, r.origin(run)) + 24*int64(n) + 700
	if sounds := run.sounds(i, r.origin(run)); sounds > 0 {
		size += 16*sounds + 200
	}
	return size + int64(len(mkv.AppendTags(nil, r.tagged(u))))
}

// tagged returns the producer's tags of upload u.
func (r *recording) tagged(u int64) (tags []mkv.Tag) {
	run, i := r.find(u)
	at := run.start + run.begin(run.skip+i)
	for _, t := range r.tags {
		if t.Length == 0 || t.After.Milliseconds() <= at && at < (t.After+t.Length).Milliseconds() {
			tags = append(tags, mkv.Tag{Name: t.Name, Value: t.Value})
		}
	}
	return tags
}

// number returns the fragment number of upload u.
func (r *recording) number(u int64) string {
	run, i := r.find(u)
	return fragmentNumber(run.seq+uint64(i), r.server(u), chance(r.seed, 'f', uint64(u)))
}

// numbered implements footage.
func (r *recording) numbered(number string) (int64, bool) {
	n, ok := new(big.Int).SetString(number, 10)
	if !ok || n.BitLen() != 157 {
		return 0, false
	}
	seq := new(big.Int).SetBit(n.Rsh(n, 92), 64, 0)
	if !seq.IsUint64() {
		return 0, false
	}
	k := sort.Search(len(r.runs), func(k int) bool { return r.runs[k].seq > seq.Uint64() }) - 1
	if k < 0 || seq.Uint64()-r.runs[k].seq >= uint64(min(r.runs[k].n, 1<<40)) { // times of later ones do not fit
		return 0, false
	}
	u := r.runs[k].first + int64(seq.Uint64()-r.runs[k].seq)
	return u, r.number(u) == number
}

// coming implements footage.
func (r *recording) coming(u int64) (begins, complete int64, changed <-chan struct{}) {
	if u >= r.total() {
		return endless, endless, nil
	}
	return r.server(u), r.complete(u), nil
}

// configs implements footage.
func (r *recording) configs(u int64) (video, audio media.Config, err error) {
	run, _ := r.find(u)
	video, audio = run.configs()
	return video, audio, nil
}

// clip implements footage.
func (r *recording) clip(uploads []int64) (*strip, error) {
	var out strip
	var cuts []cut
	base := int64(0)
	for _, u := range uploads {
		run, i := r.find(u)
		i += run.skip
		g, err := run.samples(i, r.origin(run))
		if err != nil {
			return nil, err
		}
		place := cut{material: run.material, i: i, origin: r.origin(run), base: base}
		if _, ok := run.material.(*loop); ok {
			place.base = 0 // offsets are those of the file
		}
		cuts = append(cuts, place)
		out.shots = append(out.shots, shot{
			group: g, begin: r.producer(u), base: place.base, frame: run.until(i) - run.last(i), opens: i == run.skip,
		})
		base += run.payload(i, r.origin(run))
	}
	var err error
	out.source, out.closing, err = cuts[0].material.source(cuts)
	return &out, err
}

// chance turns a seed and what it is about into 64 bits (splitmix64).
func chance(seed uint64, about ...uint64) uint64 {
	h := seed
	for _, a := range append(about, 1) {
		h += a + 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// share turns 64 bits into a number from 0 up to, not including, 1.
func share(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// mulDiv returns a*b/c rounded down, for a, b >= 0, c > 0 and a quotient that fits.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(q)
}

// mulDivUp is mulDiv rounded up.
func mulDivUp(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	q, rest := bits.Div64(hi, lo, uint64(c))
	if rest > 0 {
		q++
	}
	return int64(q)
}

// sortedCuts returns the distinct times among at that lie in (0, end), and 0 and end.
func sortedCuts(end int64, at []int64) []int64 {
	at = slices.DeleteFunc(append(at, 0, end), func(t int64) bool { return t < 0 || t > end })
	slices.Sort(at)
	return slices.Compact(at)
}
