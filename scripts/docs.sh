#!/bin/sh
# Makes what README.md and docs/ show: runs the commands of every ```console block against the
# emulator and pastes what they print, and draws the two pictures. What says the same but for times
# of day, speeds and ports is left as it is, so that running this twice changes nothing.
#
# Usage: scripts/docs.sh [PROGRAM]     (default bin/kvsclip)
set -eu
cd "$(dirname "$0")/.."
repo=$PWD
program=$(realpath "${1:-bin/kvsclip}")

for tool in aws ffmpeg ffprobe jq; do
	command -v $tool >/dev/null || { echo "docs.sh needs $tool: install it and run again" >&2; exit 1; }
done

work=$(mktemp -d)
emulator=
trap '[ -z "$emulator" ] || kill "$emulator"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/bin"
ln -s "$program" "$work/bin/kvsclip"

# Nothing of this machine's settings may show.
export PATH="$work/bin:$PATH" TZ=UTC LC_ALL=C AWS_PAGER=
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export AWS_REGION=us-west-2 AWS_DEFAULT_REGION=us-west-2
export AWS_ACCESS_KEY_ID=emulator AWS_SECRET_ACCESS_KEY=emulator
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_ENDPOINT_URL_KINESIS_VIDEO_ARCHIVED_MEDIA

# The cameras of the pages. They begin at a fixed time, so that every run shows the same footage.
begin=2026-03-14T12:00:00Z
kvsclip emulate \
	--camera "front-door:from=$begin,for=3h,sound=aac,bframes=2,rate=600k,upload=400ms,gap=40m+3m" \
	--camera "loading-dock:from=$begin,for=3h,sound=alaw,fps=5,upload=400ms,resize=20m+800x600" \
	>"$work/emulator" 2>"$work/emulator.log" &
emulator=$!
tries=0
until grep -q KVSCLIP_EMULATOR "$work/emulator"; do
	tries=$((tries + 1))
	[ $tries -lt 100 ] || { cat "$work/emulator.log" >&2; exit 1; }
	sleep 0.1
done
AWS_ENDPOINT_URL_KINESIS_VIDEO=$(sed -n 's/^KVSCLIP_EMULATOR=//p' "$work/emulator")
export AWS_ENDPOINT_URL_KINESIS_VIDEO

# run COMMAND prints what it prints, without lines that come every few seconds and without the
# spaces at the ends of lines.
run() {
	(cd "$work/here" && sh -c "$1" 2>&1) |
		sed -e '/^kvsclip: [0-9.]* [kMG]*B of /d' -e '/^kvsclip: joining, /d' -e 's/ *$//' || true
}

# mask FILE prints it without what differs from run to run.
mask() {
	sed -E -e 's/127\.0\.0\.1:[0-9]+/HOST/g' \
		-e 's/receipt of [0-9-]+ [0-9:.]+ UTC by kvsclip [^:]+:/receipt of TIME:/' -e 's/key [0-9a-f]{64}/key KEY/' \
		-e 's/, [0-9.]+m?s(<\/tspan>|<\/text>)?$/, ELAPSED\1/' -e 's/ in [0-9.]+m?s(;|<|$)/ in ELAPSED\1/' \
		-e 's/"(elapsedMs|ageSeconds)": ?[0-9]+/"\1": N/g' -e 's/ +[0-9]+d[0-9]+h +/ AGE /' \
		-e 's/(request id: |request )?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/REQUEST/g' \
		"$1" | if grep -q '^\$ kvsclip demo' "$1"; then
		# The demo's camera has filmed until a moment ago.
		sed -E -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?/TIME/g' -e 's/sound [0-9.]+ ms/sound N ms/'
	else cat; fi
}

# keep NEW OLD copies NEW over OLD if they say different things.
keep() {
	mask "$1" >"$work/new.masked"
	if [ -f "$2" ]; then mask "$2" >"$work/old.masked"; else : >"$work/old.masked"; fi
	cmp -s "$work/new.masked" "$work/old.masked" || cp "$1" "$2"
}

# commands FILE lists the commands in it, those of several lines as one with \001 between.
commands() {
	awk '
	/^\$ / { if (c != "") print c; c = $0; on = /\\$/; next }
	on { c = c "\001" $0; on = /\\$/ }
	END { if (c != "") print c }' "$1"
}

# paste_into FILE runs its console blocks and replaces what stands under the commands.
paste_into() {
	rm -rf "$work/here" "$work/page"
	mkdir "$work/here"
	block= in=
	while IFS= read -r line || [ -n "$line" ]; do
		case $in$line in
		'```console')
			in=yes
			: >"$work/old.block"
			printf '%s\n' "$line" ;;
		'yes```')
			in=
			: >"$work/new.block"
			commands "$work/old.block" >"$work/commands"
			while IFS= read -r command <&3; do
				printf '%s\n' "$command" | tr '\001' '\n' >"$work/command"
				cat "$work/command" >&2
				cat "$work/command" >>"$work/new.block"
				run "$(sed '1s/^..//' "$work/command")" </dev/null >>"$work/new.block"
			done 3<"$work/commands"
			keep "$work/new.block" "$work/old.block"
			cat "$work/old.block"
			printf '%s\n' "$line" ;;
		yes*) printf '%s\n' "$line" >>"$work/old.block" ;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$1" >"$work/page"
	cmp -s "$work/page" "$1" || cp "$work/page" "$1"
}

# draw reads a terminal's text and writes it as a picture.
draw() {
	awk '
	function escape(s) { gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); gsub(/>/, "\\&gt;", s); return s }
	{ text[NR] = $0; if (length($0) > wide) wide = length($0) }
	END {
		step = 8.6; line = 21; left = 26; top = 62
		w = int(wide * step + 2 * left); h = top + NR * line + 8
		printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n", w, h, w, h
		print "<title>kvsclip plan and kvsclip get in a terminal</title>"
		print "<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",\"Liberation Mono\",monospace;fill:#c3cad5;white-space:pre}.p{fill:#ff9d5c}.c{fill:#fdf1d8;font-weight:600}.d{fill:#8691a3}.k{fill:#8fb4ff}</style>"
		print "<defs><linearGradient id=\"b\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"1\"><stop offset=\"0\" stop-color=\"#191b30\"/><stop offset=\"1\" stop-color=\"#101622\"/></linearGradient></defs>"
		printf "<rect x=\".5\" y=\".5\" width=\"%d\" height=\"%d\" rx=\"11\" fill=\"url(#b)\" stroke=\"#39355a\"/>\n", w - 1, h - 1
		printf "<circle cx=\"24\" cy=\"22\" r=\"6\" fill=\"#c25465\"/><circle cx=\"44\" cy=\"22\" r=\"6\" fill=\"#e88a57\"/><circle cx=\"64\" cy=\"22\" r=\"6\" fill=\"#fde3a0\"/>\n"
		for (i = 1; i <= NR; i++) {
			y = top + (i - 1) * line
			s = text[i]
			if (s == "") continue
			if (s ~ /^\$ /) body = "<tspan class=\"p\">$</tspan> <tspan class=\"c\">" escape(substr(s, 3)) "</tspan>"
			else if (s ~ /^kvsclip: /) body = "<tspan class=\"d\">" escape(s) "</tspan>"
			else if (match(s, /^  [a-z]+  +/)) body = "<tspan class=\"k\">" escape(substr(s, 1, RLENGTH)) "</tspan>" escape(substr(s, RLENGTH + 1))
			else body = escape(s)
			printf "<text xml:space=\"preserve\" x=\"%d\" y=\"%d\">%s</text>\n", left, y, body
		}
		print "</svg>"
	}'
}

for page in README.md docs/*.md; do
	echo "$page" >&2
	paste_into "$page"
done

echo docs/demo.svg >&2
rm -rf "$work/here" && mkdir "$work/here"
for command in \
	'kvsclip plan front-door --from "2026-03-14 12:10:01" --for 1h' \
	'kvsclip get front-door --from "2026-03-14 12:10:01" --for 1h -o clip.mp4'; do
	printf '$ %s\n' "$command"
	run "$command"
	echo
done | sed '$d' | draw >"$work/demo.svg"
keep "$work/demo.svg" docs/demo.svg

# The last picture before the gap and the first one after it, neighbours in the clip. The asked
# start is 12:10:00.6 by the camera's clock, so the gap was closed up 1799.4 s later.
echo docs/frame.png >&2
ffmpeg -v error -nostdin -y -ss 1799.34 -i "$work/here/clip.mp4" -frames:v 1 "$work/before.png"
ffmpeg -v error -nostdin -y -ss 1799.38 -i "$work/here/clip.mp4" -frames:v 1 "$work/after.png"
ffmpeg -v error -nostdin -y -i "$work/before.png" -i "$work/after.png" -bitexact \
	-filter_complex '[0]pad=iw+16:ih:0:0:white@0,format=rgba[a];[1]format=rgba[b];[a][b]hstack' "$work/frame.png"
pixels() { ffmpeg -v error -nostdin -i "$1" -f rawvideo -pix_fmt rgba - 2>/dev/null; }
pixels "$work/frame.png" >"$work/new.raw"
pixels docs/frame.png >"$work/old.raw" || true
cmp -s "$work/new.raw" "$work/old.raw" || cp "$work/frame.png" docs/frame.png
