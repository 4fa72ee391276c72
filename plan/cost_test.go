package plan_test

import (
	"math"
	"testing"
	"time"

	"github.com/kvsclip/kvsclip/plan"
)

func TestCostUSD(t *testing.T) {
	for n, want := range map[int64][2]float64{
		0:        {0, 0},
		1 << 30:  {0.0085, 0.0119},
		10 << 30: {0.085, 0.119},
		1 << 50:  {8912.896, 12478.054},
	} {
		got := plan.CostUSD(n)
		if math.Abs(got[0]-want[0]) > 0.001*want[0] || math.Abs(got[1]-want[1]) > 0.001*want[1] {
			t.Errorf("CostUSD(%d) = %v, want %v", n, got, want)
		}
	}
}

func TestQuotaFloor(t *testing.T) {
	for n, want := range map[int]struct {
		calls int
		floor time.Duration
	}{
		0:     {1, 100 * ms},
		1:     {1, 102 * ms},
		1000:  {1, 2100 * ms},
		1001:  {2, 2202 * ms},
		43200: {44, 90800 * ms},
	} {
		p := plan.Build(span(0, 48*time.Hour), steady(n), plan.Options{})
		if p.ListCalls() != want.calls || p.QuotaFloor() != want.floor {
			t.Errorf("%d fragments: ListCalls %d, QuotaFloor %v; want %d, %v", n, p.ListCalls(), p.QuotaFloor(), want.calls, want.floor)
		}
	}
}

func TestListCallsCountsWhatIsLeftOut(t *testing.T) {
	fs := steady(600)
	for i := range 600 {
		fs = append(fs, again(fs, i, 1000+i, 2*time.Hour+time.Duration(i)*s))
	}
	p := plan.Build(span(0, time.Hour), fs, plan.Options{})
	if p.Fragments() != 600 || p.ListCalls() != 2 {
		t.Errorf("%d fragments planned, ListCalls %d; want 600 of 1200, 2", p.Fragments(), p.ListCalls())
	}
}
