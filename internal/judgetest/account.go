package judgetest

// Run is some pictures of one camera in a row, by index; both ends belong to it.
type Run struct{ First, Last uint32 }

// Account is what is wrong with the pictures of a clip. A right one has zeros in the first four
// fields, which Flawless checks.
type Account struct {
	Missing    int // indexes that were expected and not seen
	Repeated   int // pictures whose index was seen before
	Misplaced  int // pictures behind one of a higher index, or not expected at all
	Unreadable int

	First, Last uint32 // index of the first and of the last readable picture shown
	N           int    // pictures shown, unreadable ones among them
}

// Flawless says whether no picture is missing, repeated, misplaced or unreadable.
func (a Account) Flawless() bool { return a.Missing+a.Repeated+a.Misplaced+a.Unreadable == 0 }

// Count compares the pictures shown with the ones expected: all of the runs, which must not
// overlap. Without runs, everything between the lowest and the highest index seen is expected.
func Count(frames []Frame, expected ...Run) Account {
	if len(expected) == 0 {
		expected = extent(frames)
	}
	a := Account{N: len(frames)}
	seen := make(map[uint32]bool, len(frames))
	highest, awaited := uint32(0), 0
	for _, f := range frames {
		if !f.OK {
			a.Unreadable++
			continue
		}
		if len(seen) == 0 {
			a.First = f.Index
		}
		a.Last = f.Index
		switch {
		case seen[f.Index]:
			a.Repeated++
		case !within(f.Index, expected):
			a.Misplaced++
		case len(seen) > 0 && f.Index < highest:
			a.Misplaced++
			awaited++
		default:
			awaited++
		}
		seen[f.Index] = true
		highest = max(highest, f.Index)
	}
	a.Missing = total(expected) - awaited
	return a
}

// extent returns the run from the lowest to the highest index, or nothing.
func extent(frames []Frame) []Run {
	var runs []Run
	for _, f := range frames {
		switch {
		case !f.OK:
		case runs == nil:
			runs = []Run{{f.Index, f.Index}}
		default:
			runs[0] = Run{min(runs[0].First, f.Index), max(runs[0].Last, f.Index)}
		}
	}
	return runs
}

// within says whether an index is in one of the runs.
func within(index uint32, runs []Run) bool {
	for _, r := range runs {
		if r.First <= index && index <= r.Last {
			return true
		}
	}
	return false
}

// total counts the pictures of all runs.
func total(runs []Run) int {
	n := 0
	for _, r := range runs {
		n += int(r.Last-r.First) + 1
	}
	return n
}
