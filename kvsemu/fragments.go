package kvsemu

import (
	"encoding/base64"
	"encoding/json"
	"math/bits"
	"strconv"
	"time"
)

// selector is FragmentSelector and ClipFragmentSelector.
type selector struct {
	FragmentSelectorType string
	TimestampRange       *struct{ StartTimestamp, EndTimestamp stamp }
}

// query is a selector that makes sense: starts between a and b, both inclusive.
type query struct {
	Producer bool
	A, B     int64
}

// query checks what both kinds of selector have in common.
func (sel *selector) query(member string) (query, error) {
	switch sel.FragmentSelectorType {
	case "PRODUCER_TIMESTAMP", "SERVER_TIMESTAMP":
	default:
		return query{}, constraint(sel.FragmentSelectorType, member+".fragmentSelectorType", "satisfy enum value set: [PRODUCER_TIMESTAMP, SERVER_TIMESTAMP]")
	}
	if sel.TimestampRange == nil {
		return query{}, constraint("null", member+".timestampRange", "not be null")
	}
	a, b := sel.TimestampRange.StartTimestamp, sel.TimestampRange.EndTimestamp
	switch {
	case !a.set:
		return query{}, constraint("null", member+".timestampRange.startTimestamp", "not be null")
	case !b.set:
		return query{}, constraint("null", member+".timestampRange.endTimestamp", "not be null")
	}
	return query{Producer: sel.FragmentSelectorType == "PRODUCER_TIMESTAMP", A: a.ms, B: b.ms}, nil
}

// retained refuses a range on the service's clock that ends before what is kept.
func (c *call) retained(q query, hours int) error {
	since := c.now.Add(-time.Duration(hours) * time.Hour)
	if !q.Producer && hours > 0 && q.B < since.UnixMilli() {
		return invalid("End timestamp %d is outside of the stream retention period.", q.B)
	}
	return nil
}

// cursor is what NextToken of ListFragments stands for.
type cursor struct {
	Query  query
	Stream string
	Held   [2]int64 // what there was when the first page was asked for
	At     int64    // listed so far
}

func (c *call) listFragments() (any, error) {
	var in struct {
		which
		MaxResults       *int64
		NextToken        *string
		FragmentSelector *selector
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := c.aboutActive(in.which); err != nil {
		return nil, err
	}
	limit := int64(100)
	if in.MaxResults != nil {
		if limit = *in.MaxResults; limit < 1 || limit > 1000 {
			return nil, constraint(strconv.FormatInt(limit, 10), "maxResults", "be between 1 and 1000")
		}
	}
	cur, err := c.cursor(in.NextToken, in.FragmentSelector)
	if err != nil {
		return nil, err
	}
	if err := c.points(0, int(limit)); err != nil {
		return nil, err
	}
	return c.page(cur, limit), nil
}

// cursor returns where the listing starts or goes on. The selector is only read without a token,
// as SDKs repeat it with each.
func (c *call) cursor(token *string, sel *selector) (cursor, error) {
	if token != nil && *token != "" {
		return c.resume(*token)
	}
	if sel == nil { // so seen in 2021
		return cursor{}, refuse("InternalFailure", "%s", textOf("InternalFailure"))
	}
	q, err := sel.query("fragmentSelector")
	if err != nil {
		return cursor{}, err
	}
	held, hours := c.s.held(c.stream, c.now)
	if err := c.retained(q, hours); err != nil {
		return cursor{}, err
	}
	if q.B < q.A {
		return cursor{}, invalid("StartTimestamp must be before EndTimestamp.")
	}
	return cursor{Query: q, Stream: c.stream.arn, Held: [2]int64{held.lo, held.hi}}, nil
}

// resume reads a token.
func (c *call) resume(token string) (cursor, error) {
	text, err := base64.StdEncoding.DecodeString(token)
	var cur cursor
	if err != nil || json.Unmarshal(text, &cur) != nil || cur.Stream != c.stream.arn {
		return cursor{}, invalid("NextToken is invalid.")
	}
	held, _ := c.s.held(c.stream, c.now)
	if cur.At < 0 || cur.Held[0] < 0 || cur.Held[1] > held.hi {
		return cursor{}, invalid("NextToken is invalid.")
	}
	return cur, nil
}

// page lists up to limit fragments in no order.
func (c *call) page(cur cursor, limit int64) map[string]any {
	spans := c.stream.footage.pick(span{cur.Held[0], cur.Held[1]}, cur.Query.Producer, cur.Query.A, cur.Query.B)
	total := int64(0)
	for _, s := range spans {
		total += s.hi - s.lo
	}
	list := []any{}
	mix := scatter(c.stream.seed, total)
	end := min(total, cur.At+limit)
	for ; cur.At < end; cur.At++ {
		f := c.stream.footage.fragment(nth(spans, mix(cur.At)))
		list = append(list, map[string]any{
			"FragmentLengthInMilliseconds": f.Length.Milliseconds(),
			"FragmentNumber":               f.Number,
			"FragmentSizeInBytes":          f.Size,
			"ProducerTimestamp":            epochSeconds(f.Producer.UnixMilli()),
			"ServerTimestamp":              epochSeconds(f.Server.UnixMilli()),
		})
	}
	c.log.Fragments = len(list)
	out := map[string]any{"Fragments": list, "NextToken": nil}
	if end < total {
		text, _ := json.Marshal(cur) // cannot fail: numbers and a string
		out["NextToken"] = base64.StdEncoding.EncodeToString(text)
	}
	return out
}

// nth returns the upload at position k of spans.
func nth(spans []span, k int64) int64 {
	for _, s := range spans {
		if k < s.hi-s.lo {
			return s.lo + k
		}
		k -= s.hi - s.lo
	}
	return -1
}

// scatter returns a permutation of 0 to n-1 that keeps nothing of their order.
func scatter(seed uint64, n int64) func(int64) int64 {
	if n < 2 {
		return func(i int64) int64 { return i }
	}
	step := int64(chance(seed, 's', uint64(n)) % uint64(n))
	for gcd(step, n) != 1 {
		step = (step + 1) % n
	}
	offset := int64(chance(seed, 'o', uint64(n)) % uint64(n))
	return func(i int64) int64 {
		hi, lo := bits.Mul64(uint64(i), uint64(step))
		return (int64(bits.Rem64(hi, lo, uint64(n))) + offset) % n
	}
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
