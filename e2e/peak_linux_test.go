package e2e_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// watched runs the program to its end and returns its largest resident set, in MiB.
func (h *home) watched(tb testing.TB, args ...string) (ended, float64) {
	tb.Helper()
	r := h.start(tb, args...)
	peak, over := make(chan float64), make(chan struct{})
	go func() { peak <- watchMemory(r.cmd.Process.Pid, over) }()
	e := r.wait(tb)
	close(over)
	return e, <-peak
}

// watchMemory asks every few milliseconds for the largest resident set so far, in MiB, until over.
// What the system tells after the end would count the memory of this process too, as it was when
// the program was started.
func watchMemory(pid int, over <-chan struct{}) (peak float64) {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // gone when it has ended
		if _, rest, ok := strings.Cut(string(b), "VmHWM:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			peak = max(peak, kib/1024)
		}
		select {
		case <-over:
			return peak
		case <-tick.C:
		}
	}
}
