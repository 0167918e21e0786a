package main

import "fmt"

// row is one metric of one test, beside one peer.
type row struct {
	name, peer   string
	test, metric string
	unit         string
	limit        float64
	rule         rule
}

// rule is how a goal is meant.
type rule int

const (
	atMost   rule = iota // the ratio is no more than the limit
	atLeast              // the ratio is no less
	absolute             // sipward's own value is no more, whatever the peer's
	told                 // no goal
)

func (r row) goal() string {
	switch r.rule {
	case atLeast:
		return fmt.Sprint("at least ", r.limit)
	case absolute:
		return fmt.Sprint(r.limit, " ", r.unit)
	case told:
		return "–"
	default:
		return fmt.Sprint(r.limit)
	}
}

func (r row) met(ratio, ours float64) string {
	held := ratio <= r.limit
	switch r.rule {
	case atLeast:
		held = ratio >= r.limit
	case absolute:
		held = ours <= r.limit
	case told:
		return ""
	}
	if held {
		return "yes"
	}
	return "no"
}

// rows is the table, in its order.
var rows = [...]row{
	{"REGISTER, 401, REGISTER with digest, 200, UDP", "kam6-wt", "reg_udp", "reg_cpu_us_per_op", "us", 0.35, atMost},
	{"", "kam6-redis", "reg_udp", "reg_cpu_us_per_op", "us", 0.22, atMost},
	{"the same over standing TLS connections", "kam6-wt", "reg_tls", "reg_cpu_us_per_op", "us", 0.40, atMost},
	{"refresh with a known nonce, UDP", "kam6-wt", "regc_udp", "reg_cpu_us_per_op", "us", 0.25, atMost},
	{"call: INVITE, 407, ACK, INVITE, 180, 200, ACK, BYE, 200, UDP", "kam6-wt", "call_udp", "call_cpu_us_per_op", "us", 0.9, atMost},
	{"the same over TLS", "kam6-wt", "call_tls", "call_cpu_us_per_op", "us", 0.7, atMost},
	{"disabled caller, INVITE to 403, UDP", "kam6-wt", "reject_udp", "reject_cpu_us_per_op", "us", 0.7, atMost},
	{"post-dial delay at 1,000 calls/s, p50", "kam6-wt", "callr_udp", "call_pdd_p50", "ms", 0, told},
	{"the same, p99", "kam6-wt", "callr_udp", "call_pdd_p99", "ms", 1, atMost},
	{"stream-second of an announcement, RTP, 200 streams", "rtpengine", "rtp_loop", "rtp_200_srv_cpu_us_per_stream_s", "us", 0.7, atMost},
	{"", "asterisk", "rtp_loop", "rtp_200_srv_cpu_us_per_stream_s", "us", 0.17, atMost},
	{"the same, SRTP (SDES, AES_CM_128_HMAC_SHA1_80)", "rtpengine", "srtp_loop", "rtp_200_srv_cpu_us_per_stream_s", "us", 0.8, atMost},
	{"", "asterisk", "srtp_loop", "rtp_200_srv_cpu_us_per_stream_s", "us", 0.15, atMost},
	{"announcement streams of a core within the limits", "rtpengine", "rtp_loop", "rtp_max_streams_ok", "streams", 1.2, atLeast},
	{"", "asterisk", "rtp_loop", "rtp_max_streams_ok", "streams", 6, atLeast},
	{"deviation between packets at 1,000 streams, p99", "rtpengine", "rtp_loop", "rtp_1000_iat_dev_p99", "ms", 3, absolute},
	{"relayed media, a packet, 500 calls", "rtpengine", "relay", "relay_cpu_us_per_packet", "us", 1, atMost},
	{"licence from a warm cache, with its client", "bare", "licence", "licence_us", "us", 2, atMost},
	{"TLS connect and REGISTER, a phone of 10,000", "kam6", "hold_tls", "ramp_cpu_us_per_op", "us", 0.75, atMost},
	{"memory a connected, registered phone", "kam6", "hold_tls", "srv_bytes_per_conn", "B", 0.45, atMost},
	{"the whole process with 10,000 of them", "kam6", "hold_tls", "srv_pss_with_conns", "MiB", 0, told},
	{"CRLF ping on TLS", "kam6", "hold_tls", "ping_cpu_us_per_op", "us", 0.35, atMost},
	{"10,000 return at once: CPU a phone", "kam6", "hold_tls", "storm_cpu_us_per_op", "us", 0.7, atMost},
	{"10,000 return at once: until all are registered", "kam6", "hold_tls", "storm_all_registered_s", "s", 0.8, atMost},
}
