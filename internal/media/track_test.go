package media_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/kvsclip/kvsclip/internal/media"
	"pgregory.net/rapid"
)

// Rescale is the nearest tick, halves away from zero, for every pair of timescales.
func TestRescale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from, to := rapid.Uint32Range(1, math.MaxUint32).Draw(t, "from"), rapid.Uint32Range(1, math.MaxUint32).Draw(t, "to")
		ticks := rapid.Int64Range(-1<<53, 1<<53).Draw(t, "ticks")
		want := new(big.Rat).Mul(big.NewRat(ticks, int64(from)), big.NewRat(int64(to), 1))
		half := big.NewRat(int64(want.Sign()), 2)
		want.Add(want, half)
		nearest := new(big.Int).Quo(want.Num(), want.Denom()) // towards zero
		if !nearest.IsInt64() {
			return
		}
		if got := media.Rescale(ticks, from, to); got != nearest.Int64() {
			t.Errorf("Rescale(%d, %d, %d) = %d, want %d", ticks, from, to, got, nearest)
		}
	})
}
