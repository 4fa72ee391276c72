#!/bin/sh
# Runs every fuzz target of the module, one after the other, for the time given (10m).
set -eu
for dir in $(git ls-files '*_test.go' | xargs grep -l '^func Fuzz' | xargs -n1 dirname | sort -u); do
	for target in $(grep -h '^func Fuzz' "$dir"/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/'); do
		echo "$dir: $target for $1"
		go test "./$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$1" -fuzzminimizetime 20x
	done
done
