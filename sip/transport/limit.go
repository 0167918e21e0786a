package transport

import "time"

// Limits of the transports; the zero value of a field means its default (DefaultLimits).
type Limits struct {
	HeaderBytes    int           // header section, 8 KiB
	HeaderCount    int           // 64
	HeaderLine     int           // one header, 2 KiB
	BodyBytes      int           // streams, 64 KiB
	HeaderTime     time.Duration // first byte to end of headers, 5 s
	MessageTime    time.Duration // first byte to end of message, 10 s
	HandshakeTime  time.Duration // TLS handshake and WebSocket upgrade, 5 s
	WriteTime      time.Duration // one write, 5 s
	WriteQueue     int           // messages waiting to be written, 64
	IdleTime       time.Duration // before a registration, 30 s
	RegisteredTime time.Duration // after one, 15 min
	PerAddress     int           // connections of one address, 200
	Connections    int           // of all addresses; 0: from the open-file limit
	Rate           float64       // UDP packets and stream messages a second and source, 200
	Burst          int           // 400
	Failures       int           // Blame budget a minute and source, 20
	Ban            time.Duration // 5 min
	Sources        int           // sources remembered at most, 65536
}

// DefaultLimits are the limits of SIP.md.
func DefaultLimits() Limits {
	return Limits{
		HeaderBytes: 8 << 10, HeaderCount: 64, HeaderLine: 2 << 10, BodyBytes: 64 << 10,
		HeaderTime: 5 * time.Second, MessageTime: 10 * time.Second, HandshakeTime: 5 * time.Second,
		WriteTime: 5 * time.Second, WriteQueue: 64, IdleTime: 30 * time.Second, RegisteredTime: 15 * time.Minute,
		PerAddress: 200, Rate: 200, Burst: 400, Failures: 20, Ban: 5 * time.Minute, Sources: 65536,
	}
}
