# shellcheck shell=bash disable=SC2034,SC2154
# The floor of hold_tls: bench/bare, which knows nobody and keeps nothing.
t_tests() { echo "hold_tls"; }

t_start() {
	$SRVPIN "$T/bin/sipward-bare" "$TLSADDR" "$T/data/cert.pem" "$T/data/key.pem" >"$T/logs/bare.log" 2>&1 &
	PIDS=$!
	wait_tcp "$TLSADDR"
}

t_stop() { stop_pid "$PIDS"; }
