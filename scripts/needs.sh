#!/bin/sh
# Installs what the tests need and the machine lacks: ffmpeg, the AWS CLI, boto3, curl, openssl, a
# browser. They are the judges: the program itself needs none of them.
set -eu

missing=
command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || missing="$missing ffmpeg"
command -v aws >/dev/null || missing="$missing awscli"
command -v curl >/dev/null || missing="$missing curl"
command -v openssl >/dev/null || missing="$missing openssl"
/usr/bin/python3 -c 'import boto3' 2>/dev/null || python3 -c 'import boto3' 2>/dev/null || missing="$missing python3-boto3"
browser=
for name in chromium chromium-browser google-chrome google-chrome-stable chrome "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
	command -v "$name" >/dev/null && browser=$name
done
[ -n "$browser" ] || missing="$missing chromium"
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null; then
	echo "the tests need:$missing; install them and run again" >&2
	exit 1
fi
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
echo "installing$missing for the tests"
$as_root apt-get update -qq
# shellcheck disable=SC2086 # the list is meant to be split
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
