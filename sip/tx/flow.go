package tx

import "sipward/sip/transport"

// flow is what a transaction needs of a transport.Flow; tests that own the clock have flows in memory.
type flow interface {
	ID() transport.ID
	Network() transport.Network
	Send(b []byte) error // must not keep b
	Alive() bool
}

// real is the transport's flow; nil for a flow in memory.
func real(f flow) *transport.Flow {
	tf, _ := f.(*transport.Flow)
	return tf
}

// same reports whether two values are one flow: the transport may make a new one for each datagram of a UDP peer.
func same(a, b flow) bool { return a == b || a.ID() == b.ID() }

// mortal reports whether a flow's end is told, so that its transactions need not wait for their timers: a connection's,
// and that of any flow of another node, whose node may die.
func mortal(f flow) bool {
	if f.Network().Reliable() {
		return true
	}
	tf := real(f)
	return tf != nil && tf.Peer() != ""
}
