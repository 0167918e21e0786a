package media

// Direction is who may send, seen from the side whose description says it (RFC 8866 section 6.7).
type Direction uint8

// The directions; the zero value is SDP's default.
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

// String is the direction's SDP attribute.
func (d Direction) String() string {
	switch d {
	case SendOnly:
		return "sendonly"
	case RecvOnly:
		return "recvonly"
	case Inactive:
		return "inactive"
	default:
		return "sendrecv"
	}
}

func (d Direction) sends() bool    { return d == SendRecv || d == SendOnly }
func (d Direction) receives() bool { return d == SendRecv || d == RecvOnly }

// mirror is the direction seen from the other side (RFC 3264 section 6.1).
func (d Direction) mirror() Direction {
	switch d {
	case SendOnly:
		return RecvOnly
	case RecvOnly:
		return SendOnly
	default:
		return d
	}
}

func setDirection(d *Direction, value string) {
	for _, known := range []Direction{SendRecv, SendOnly, RecvOnly, Inactive} {
		if value == known.String() {
			*d = known
		}
	}
}
