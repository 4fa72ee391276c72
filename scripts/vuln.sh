#!/bin/sh
# Looks for known vulnerabilities. The database is on the network: where it cannot be reached this
# says so and does not fail, for then nothing was found out.
set -u
out=$("$1" ./... 2>&1) && { echo "govulncheck: nothing found"; exit 0; }
case $out in
*"vuln.go.dev"* | *"fetching vulnerabilities"* | *"dial tcp"* | *"no such host"*)
	echo "govulncheck: its database cannot be reached from here: NOT checked" ;;
*)
	printf '%s\n' "$out"
	exit 1 ;;
esac
