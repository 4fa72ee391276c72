#!/bin/sh
# Measures what the project promises, each beside its peer in the same run, and writes
# docs/benchmarks.md. Absolute times depend on the machine: the ratios are the result.
set -eu
out=docs/benchmarks.md
log=$(mktemp)
trap 'rm -f "$log"' EXIT

echo "whole program, against its peers (several minutes)"
go test ./e2e -run '^$' -bench 'Hour|Gigabyte' -benchtime 5x -timeout 30m | tee "$log"
KVSCLIP_BENCH=1 go test ./e2e -run '^$' -bench Join -benchtime 1x -timeout 30m | tee -a "$log"
echo "packages"
go test ./plan ./internal/splice ./internal/mp4 ./internal/film -run '^$' -bench . -benchmem -timeout 30m | tee -a "$log"

{
	echo "# Benchmarks"
	echo
	echo "Made by \`make bench\` on $(date -u +%Y-%m-%d): $(go version | cut -d' ' -f3,4), $(nproc 2>/dev/null || sysctl -n hw.ncpu) cores,"
	echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -1) on $(uname -sr)."
	echo
	echo "Peers and kvsclip run in turn in the same run; a ratio is the median of the pairs. The"
	echo "promises (3 times faster than the sample's way, 128 MB for a clip of 1 GB) fail the run when they are not kept."
	echo
	echo '```'
	grep -E '^(Benchmark|pkg:)' "$log"
	echo '```'
} >"$out"
echo "wrote $out"
