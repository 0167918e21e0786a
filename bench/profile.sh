#!/usr/bin/env bash
# profile.sh: makes deploy/sipward.pgo anew, the profile by which a release is compiled (go build -pgo): where the CPU goes
# under the load tests, which tells the compiler what to inline. Needs what `make bench` has set up.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
PEERBENCH=${PEERBENCH:-../shared/bench}
export BENCH_TMP=${BENCH_TMP:-/tmp/bench} MORE_TARGETS=$PWD/bench/targets REPS=1 DUR=8s USERS=4000 RATE=1000 QUIET_WAIT=0
CGO_ENABLED=0 "$GO" build -trimpath -pgo=off -o "$BENCH_TMP/bin/sipward" ./cmd/sipward
CGO_ENABLED=0 "$GO" build -trimpath -o "$BENCH_TMP/bin/sipward-seed" ./bench/seed
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT

for test in reg_udp regc_udp reg_tls call_udp callr_udp call_tls reject_udp; do
	echo "== $test"
	TESTS=$test "$PEERBENCH/run.sh" sipward >/dev/null 2>&1 &
	until pgrep -f "loadgen (reg|call|reject) .*sipward/$test" >/dev/null; do read -rt 0.2 <> <(:) || true; done
	read -rt 4 <> <(:) || true # the first pass makes registrations
	curl -fsS -o "$found/$test.pb" 'http://127.0.0.1:15090/debug/pprof/profile?seconds=4'
	wait
done
"$GO" tool pprof -proto "$found"/*.pb >"$found/all"
# The file of the process is of this machine: its name is blanked out, of the same length, for it stands in a message.
BINARY=$BENCH_TMP/bin/sipward perl -e 'undef $/; $_ = <STDIN>; s/\Q$ENV{BINARY}\E/"sipward" . " " x (length($ENV{BINARY}) - 7)/ge; print' \
	< <(gzip -dc "$found/all") | gzip -nc9 >deploy/sipward.pgo
ls -l deploy/sipward.pgo
