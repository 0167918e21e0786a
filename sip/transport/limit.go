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
	AckTime        time.Duration // until the peer's TCP has acknowledged something of a write, 4 s; else it is gone
	WriteQueue     int           // messages waiting to be written, 64 (and at most 1 MiB)
	IdleTime       time.Duration // before a registration, 30 s
	RegisteredTime time.Duration // after one, 15 min
	PerAddress     int           // connections of one address, 200
	Connections    int           // of all addresses; 0: from the open-file limit
	Handshakes     int           // TLS handshakes and WebSocket upgrades at a time; the others wait their turn, 1024
	Rate           float64       // UDP packets and stream messages a second and source, 200
	Burst          int           // 400
	Failures       int           // Blame budget a minute and source, 20
	Ban            time.Duration // 5 min
	Sources        int           // sources remembered at most, 65536
	UDPFlows       int           // UDP flows kept at hand per socket, 16384; more are made anew at each packet
}

// DefaultLimits are the limits that the fields of Limits name.
func DefaultLimits() Limits {
	return Limits{
		HeaderBytes: 8 << 10, HeaderCount: 64, HeaderLine: 2 << 10, BodyBytes: 64 << 10,
		HeaderTime: 5 * time.Second, MessageTime: 10 * time.Second, HandshakeTime: 5 * time.Second,
		WriteTime: 5 * time.Second, AckTime: 4 * time.Second, WriteQueue: 64, IdleTime: 30 * time.Second, RegisteredTime: 15 * time.Minute,
		PerAddress: 200, Handshakes: 1024, Rate: 200, Burst: 400, Failures: 20, Ban: 5 * time.Minute,
		Sources: 65536, UDPFlows: 16384,
	}
}

// withDefaults fills the zero fields.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	or(&l.HeaderBytes, d.HeaderBytes)
	or(&l.HeaderCount, d.HeaderCount)
	or(&l.HeaderLine, d.HeaderLine)
	or(&l.BodyBytes, d.BodyBytes)
	or(&l.HeaderTime, d.HeaderTime)
	or(&l.MessageTime, d.MessageTime)
	or(&l.HandshakeTime, d.HandshakeTime)
	or(&l.WriteTime, d.WriteTime)
	or(&l.AckTime, d.AckTime)
	or(&l.WriteQueue, d.WriteQueue)
	or(&l.IdleTime, d.IdleTime)
	or(&l.RegisteredTime, d.RegisteredTime)
	or(&l.PerAddress, d.PerAddress)
	or(&l.Connections, openFiles())
	or(&l.Handshakes, d.Handshakes)
	or(&l.Rate, d.Rate)
	or(&l.Burst, d.Burst)
	or(&l.Failures, d.Failures)
	or(&l.Ban, d.Ban)
	or(&l.Sources, d.Sources)
	or(&l.UDPFlows, d.UDPFlows)
	return l
}

func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
