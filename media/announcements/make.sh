#!/usr/bin/env bash
# Speaks texts.tsv into <lang>/<prompt>.wav: 16 kHz mono 16 bit, trimmed, about -18 dBFS RMS, peak at most -3 dBFS.
# Needs espeak-ng and sox, no network. Run it after a change of texts.tsv and commit the WAV files.
#   make.sh            all clips
#   make.sh it         one language
set -eu
cd "$(dirname "$0")"
only=${1:-}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

voice() { # language -> espeak-ng voice and words per minute, chosen so that every clip lasts 2 to 6 s
	case $1 in
	en) echo en-gb 172 ;;
	it) echo it 168 ;;
	fr) echo fr-fr 160 ;;
	es) echo es 174 ;;
	de) echo de 184 ;;
	*) echo "make.sh: no voice for language '$1': add it to voice()" >&2 && exit 1 ;;
	esac
}

rms() { # dBFS of a file
	sox "$1" -n stats 2>&1 | awk '/^RMS lev dB/ { print $4 }'
}

while IFS='	' read -r lang prompt text; do
	case $lang in '' | '#'*) continue ;; esac
	[ -z "$only" ] || [ "$only" = "$lang" ] || continue
	read -r name speed < <(voice "$lang")
	mkdir -p "$lang"
	espeak-ng -v "$name" -s "$speed" -g 2 -w "$tmp/spoken.wav" -- "$text"
	# The band a wideband phone can hear, one voice level, no silence at either end.
	sox -D "$tmp/spoken.wav" -r 16000 -c 1 -b 16 "$tmp/even.wav" \
		gain -6 highpass 90 rate -v 16000 compand 0.005,0.12 6:-60,-50,-30,-24,-18,-16,0,-10 0 -60 0.005 \
		silence 1 0.02 0.3% reverse silence 1 0.02 0.3% reverse
	# Twice: the limiter that keeps the peaks below -3 dBFS takes some loudness away again.
	want=-17.6 add=0
	for _ in 1 2 3; do
		level=$(rms "$tmp/even.wav")
		add=$(awk -v a="$add" -v w="$want" -v l="$level" -v n="${now:-$level}" 'BEGIN { print a + w - n }')
		sox -D -R "$tmp/even.wav" -b 16 "$tmp/level.wav" gain -l "$(awk -v a="$add" 'BEGIN { print a + 3.2 }')" gain -3.2
		now=$(rms "$tmp/level.wav")
	done
	unset now
	sox -D "$tmp/level.wav" -b 16 "$lang/$prompt.wav" fade t 0.005 -0 0.02 pad 0.1 0.2
done <texts.tsv
