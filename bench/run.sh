#!/usr/bin/env bash
# run.sh: sipward beside its peers, in one run of the load tests in PEERBENCH (see its README for TESTS, REPS, DUR, USERS,
# PIN). PEERS names them, and bare is the floor of hold_tls; by default it is Kamailio 6 with contacts written through to
# Redis, or Kamailio 5.6 where the chroot for version 6 could not be made. Without PEERBENCH the Go benchmarks run.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
PEERBENCH=${PEERBENCH:-../shared/bench}
export BENCH_TMP=${BENCH_TMP:-/tmp/bench}

if [ ! -x "$PEERBENCH/run.sh" ]; then
	echo "no load tests in $PEERBENCH (PEERBENCH names their folder): running the Go benchmarks"
	exec "$GO" test -run='^$' -bench=. -benchmem ./...
fi

if [ ! -x "$BENCH_TMP/bin/loadgen" ]; then # installs packages, as root
	"$PEERBENCH/setup.sh" || NO_SID=1 "$PEERBENCH/setup.sh"
fi
CGO_ENABLED=0 "$GO" build -trimpath -pgo=deploy/sipward.pgo -o "$BENCH_TMP/bin/sipward" ./cmd/sipward # as a release is built
CGO_ENABLED=0 "$GO" build -trimpath -o "$BENCH_TMP/bin/sipward-seed" ./bench/seed
CGO_ENABLED=0 "$GO" build -trimpath -o "$BENCH_TMP/bin/sipward-bare" ./bench/bare

if [ -z "${PEERS:-}" ]; then
	PEERS=kam5-wt
	[ -x "$BENCH_TMP/sid/usr/sbin/kamailio" ] && PEERS=kam6-wt
fi
export MORE_TARGETS=$PWD/bench/targets
# shellcheck disable=SC2086
exec "$PEERBENCH/run.sh" $PEERS sipward
