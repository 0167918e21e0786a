# shellcheck shell=bash disable=SC2034,SC2154
# sipward as a target of the side-by-side load tests: state in Redis (SIPWARD_STORE=embedded: in one file).
# Its users are numeric: 10%06d, and 20%06d disabled ones, who are refused, or hear why when they call. An announcement is
# heard once: what the peers play for ever is a clip of a minute here, the longest there is, and the caller calls again.
t_tests() { echo "reg_udp regc_udp reg_tcp reg_tls call_udp call_tls reject_udp hold_tls rtp_loop rtp_ann srtp_loop"; }

t_start() {
	local dir=$T/run/sipward
	rm -rf "$dir"
	mkdir -p "$dir"
	export SIPWARD_DATA_DIR=$dir SIPWARD_DOMAIN=$DOMAIN SIPWARD_LOG_LEVEL=error SIPWARD_LIMITS_EXEMPT=127.0.0.0/8
	export SIPWARD_SIP_UDP=$ADDR SIPWARD_SIP_TCP=$ADDR SIPWARD_SIP_TLS=$TLSADDR SIPWARD_SIP_WSS=""
	export SIPWARD_TLS_CERT=$T/data/cert.pem SIPWARD_TLS_KEY=$T/data/key.pem SIPWARD_SIP_ANNOUNCE=${ANNOUNCE:-none}
	export SIPWARD_LIMITS_CONNECTIONS_PER_ADDRESS=100000 SIPWARD_LIMITS_ANNOUNCEMENTS_PER_ACCOUNT=0
	export SIPWARD_HTTP_ADMIN=127.0.0.1:15080 SIPWARD_HTTP_PUBLIC="" SIPWARD_HTTP_METRICS=127.0.0.1:15090
	GIVEN=${EXTRA:-} # put back by t_stop
	local clip="" repeats=0 users="-user 10%06d"
	case $1 in
	reject_udp) users="-user 20%06d" ;;
	*rtp*)
		users="-user 20%06d" clip=$dir/clip.wav
		[ "$1" = rtp_ann ] || repeats=5
		sox -q "$T/data/announcement.wav" "$clip" repeat "$repeats" || return 1
		export SIPWARD_SIP_ANNOUNCE=answer SIPWARD_MEDIA_PORTS=46000-59999
		;;
	esac
	EXTRA="$GIVEN $users"
	if [ "${SIPWARD_STORE:-redis}" = redis ]; then
		start_redis || return 1
		export SIPWARD_REDIS_URL=redis://127.0.0.1:$REDIS_PORT
	fi
	"$T/bin/sipward-seed" -redis "${SIPWARD_REDIS_URL:-}" -dir "$dir" -domain "$DOMAIN" -active "${USERS:-20000}" -clip "$clip" || return 1
	$SRVPIN "${TARGET_BIN:-$T/bin/sipward}" serve >"$T/logs/sipward.log" 2>&1 &
	PIDS=$!
	wait_tcp "$TLSADDR"
}

t_stop() {
	EXTRA=${GIVEN:-}
	stop_pid "$PIDS"
	stop_pid "$AUX"
}
