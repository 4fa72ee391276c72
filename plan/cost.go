package plan

import "time"

// Quota points a second of one stream, shared with every other reader of it (Amazon Kinesis
// Video Streams quotas, fragment-metadata and fragment-media quotas).
const (
	MediaPoints    = 500    // GetClip: fragments in the clip
	MetadataPoints = 10_000 // ListFragments: the MaxResults asked for
	listPage       = 1000   // MaxResults of one ListFragments call
)

// Prices of a GB consumed, US East, in US dollars. No page says which of the two GetClip is
// billed by, so an estimate gives both. A GB is 2^30 bytes, as in AWS's own examples.
const (
	LowUSDPerGB  = 0.0085 // "consumed"
	HighUSDPerGB = 0.0119 // "consumed through HLS"
)

// CostUSD returns the low and the high price of fetching n bytes, transfer out of AWS left out.
func CostUSD(n int64) [2]float64 {
	gb := float64(n) / (1 << 30)
	return [2]float64{gb * LowUSDPerGB, gb * HighUSDPerGB}
}

// QuotaFloor is the least time the service's quota lets the plan take, with all of the stream's
// points for itself: what lists, and what fetches. The buckets' first fill is left out.
func (p *Plan) QuotaFloor() time.Duration {
	list := time.Duration(p.ListCalls()) * listPage * time.Second / MetadataPoints
	return list + time.Duration(p.Fragments())*time.Second/MediaPoints
}

// ListCalls is how many pages the listing took at the least; 0 without a listing.
func (p *Plan) ListCalls() int {
	if !p.Listed {
		return 0
	}
	return max(1, (p.Fragments()+len(p.Timeline.Repeated)+listPage-1)/listPage)
}
