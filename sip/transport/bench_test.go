package transport_test

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
)

// phoneREGISTER is about what a desk phone sends: 750 bytes, 14 header fields.
const phoneREGISTER = "REGISTER sip:sipward.local SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK-1a2b3c4d5e6f;rport\r\n" +
	"From: \"Desk 12\" <sip:12345678@sipward.local>;tag=8f3a2b1c\r\nTo: \"Desk 12\" <sip:12345678@sipward.local>\r\n" +
	"Call-ID: 313539-9k2j4h5g6f@192.168.1.20\r\nCSeq: 2 REGISTER\r\nMax-Forwards: 70\r\nUser-Agent: snomD785/10.1.184.15\r\n" +
	"Contact: <sip:12345678@192.168.1.20:5060;line=abc>;reg-id=1;q=1.0;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000413000000>\"\r\n" +
	"Allow-Events: dialog\r\nX-Real-IP: 192.168.1.20\r\nSupported: path, gruu, outbound\r\n" +
	"Authorization: Digest username=\"12345678\",realm=\"sipward.local\",nonce=\"0123456789abcdef0123456789abcdef\",uri=\"sip:sipward.local\",qop=auth,nc=00000001,cnonce=\"abcd\",response=\"0123456789abcdef0123456789abcdef\",algorithm=MD5\r\n" +
	"Expires: 600\r\nContent-Length: 0\r\n\r\n"

func BenchmarkParse(b *testing.B) {
	l, err := transport.New(transport.Config{}, transport.Deps{TokenKey: make([]byte, 32)})
	must(b, err)
	p := []byte(phoneREGISTER)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		if m, _, _ := l.ParseForTest(p); m == nil {
			b.Fatal("refused")
		}
	}
}

// BenchmarkParseSipgo is sipgo's own parser on the same message, all headers typed, without our checks.
func BenchmarkParseSipgo(b *testing.B) {
	p := []byte(phoneREGISTER)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := gosip.ParseMessage(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSerialise(b *testing.B) {
	m, _, _ := transport.Parse([]byte(phoneREGISTER))
	res := gosip.NewResponseFromRequest(m.(*gosip.Request), 200, "OK", nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := transport.Serialise(res); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUDPIngress is a packet from its admission to the handler, without the socket.
func BenchmarkUDPIngress(b *testing.B) {
	r := start(b, transport.Config{UDP: []string{"127.0.0.1:0"}}, nil)
	p, from := []byte(phoneREGISTER), netip.MustParseAddrPort("127.0.0.1:5099")
	r.running(b)
	r.in = make(chan got)
	b.ReportAllocs()
	for b.Loop() {
		r.Packet(from, p)
	}
}

// BenchmarkRoundTrip is request and 200 through real sockets, 32 in flight.
func BenchmarkRoundTrip(b *testing.B) {
	for _, n := range []transport.Network{transport.UDP, transport.TCP, transport.TLS} {
		b.Run(string(n), func(b *testing.B) {
			r := start(b, all(), ok, exempt)
			r.in = make(chan got)
			c := r.dial(b, n)
			must(b, c.SetDeadline(time.Now().Add(5*time.Minute)))
			window := make(chan struct{}, 32)
			done := make(chan struct{})
			go func() {
				defer close(done)
				buf := make([]byte, 65536)
				for left := b.N; left > 0; {
					k, err := c.Read(buf)
					if err != nil {
						b.Error(err)
						return
					}
					answers := strings.Count(string(buf[:k]), "SIP/2.0 200")
					left -= answers
					for range answers {
						<-window
					}
				}
			}()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				window <- struct{}{}
				_, err := io.WriteString(c, phoneREGISTER)
				must(b, err)
			}
			<-done
		})
	}
}

// BenchmarkIdleTLS reports what an idle registered TLS connection holds at the server: heap and stacks, the client's half
// (measured by connections to a listener that only shakes hands) is taken off as far as it is equal.
func BenchmarkIdleTLS(b *testing.B) {
	const phones = 500
	for b.Loop() {
		r := start(b, transport.Config{TLS: []string{"127.0.0.1:0"}}, ok, exempt)
		clientHeap, clientStack := clientCost(b, phones)
		heap, stack := memory()
		conns := make([]net.Conn, 0, phones)
		for range phones {
			c := r.dial(b, transport.TLS)
			_, err := io.WriteString(c, phoneREGISTER)
			must(b, err)
			_ = answer(b, c)
			r.next(b).flow.Registered(true)
			conns = append(conns, c)
		}
		h, s := memory()
		b.ReportMetric((h-heap-clientHeap)/phones/1024, "heapKiB/phone")
		b.ReportMetric((s-stack-clientStack)/phones/1024, "stackKiB/phone")
		for _, c := range conns {
			must(b, c.Close())
		}
		r.stop()
	}
}

// clientCost is what the client's half of n TLS connections holds.
func clientCost(b *testing.B, n int) (heap, stack float64) {
	cert := certificate(b)
	h0, s0 := memory()
	conns := make([]*tls.Conn, n)
	for i := range conns {
		near, far := net.Pipe()
		srv := tls.Server(far, &tls.Config{Certificates: []tls.Certificate{cert}, SessionTicketsDisabled: true})
		shaken := make(chan error, 1)
		go func() { shaken <- srv.Handshake() }()
		conns[i] = tls.Client(near, &tls.Config{InsecureSkipVerify: true})
		must(b, conns[i].Handshake())
		must(b, <-shaken)
	}
	h1, s1 := memory()
	runtime.KeepAlive(conns)
	return (h1 - h0) / 2, s1 - s0
}

func memory() (heap, stack float64) {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc), float64(m.StackInuse)
}
