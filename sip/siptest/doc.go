// Package siptest is test support for everybody who tests SIP: phones of our own ([Phone]) and of others ([Baresip],
// [Linphone], [Sipp]), golden message logs ([Golden]), raw bytes on the wire ([Dial]), and ears ([Correlate],
// [ToneShare]).
//
// Nothing here uses a fixed port, a sound device or the network beyond loopback. A test whose foreign phone is not
// installed is skipped with the reason, and fails instead when SIPWARD_REQUIRE_PHONES=1.
package siptest
