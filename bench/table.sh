#!/usr/bin/env bash
# table.sh: all rows of the table in docs/performance.md, in one run of REPS interleaved repetitions (5): sipward and each of
# its peers take turns within a repetition. Nothing else may run meanwhile; it takes REPS times eight minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
GO=${GO:-go}
export BENCH_TMP=${BENCH_TMP:-/tmp/bench} QUIET_WAIT=${QUIET_WAIT:-1} RATE=${RATE:-1000}
mkdir -p "$BENCH_TMP/results"
command -v rtpengine >/dev/null || apt-get install -y -q --no-install-recommends rtpengine-daemon # as root, as the peers' setup does
export OUT=${OUT:-$BENCH_TMP/results/table-$(date +%Y%m%d-%H%M%S).tsv}
CGO_ENABLED=0 "$GO" build -trimpath -pgo=deploy/sipward.pgo -o bin/benchrelay ./bench/relay
"$GO" test -c -o bin/benchlicence ./licenceproxy

peers() { PEERS=$1 TESTS=$2 REPS=1 bench/run.sh >>"${OUT%.tsv}.log" 2>&1; }

relayed() { # the generator must not starve, or what it sends late is said to be lost
	chrt -f 10 taskset -c "${GEN_CPU:-1}" bin/benchrelay -calls 500 -for 4s ours rtpengine |
		awk -F'\t' '$5+0 { t = $1 == "ours" ? "sipward" : $1
			print t "/relay\trelay_cpu_us_per_packet\t" $5 "\tus"; print t "/relay\trelay_lost_pct\t" $4 "\t%" }' >>"$OUT"
}

licence() {
	bin/benchlicence -test.run '^$' -test.bench WarmCache -test.benchtime 20000x |
		awk '/ns\/op/ { split($1, n, /[\/-]/); print (n[2] == "proxy" ? "sipward" : n[2]) "/licence\tlicence_us\t" $3 / 1000 "\tus" }' >>"$OUT"
}

for rep in $(seq "${REPS:-5}"); do
	echo "repetition $rep, $(date +%T)" >&2
	DUR=2s USERS=4000 peers "kam6-wt kam6-redis" reg_udp
	DUR=2s USERS=4000 peers kam6-wt "regc_udp reg_tls call_udp callr_udp call_tls reject_udp"
	DUR=3s RTP_STEPS=200,300,400,1000,1500,2000,2500,3000 peers "rtpengine asterisk" rtp_loop
	DUR=3s RTP_STEPS=200 peers "rtpengine asterisk" srtp_loop
	relayed || echo "the relay was not measured" >&2
	licence
	USERS=10000 peers kam6 hold_tls
done
"$GO" run ./bench/table "$OUT"
echo "raw results: $OUT" >&2
