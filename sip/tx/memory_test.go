package tx_test

import (
	"fmt"
	"runtime"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/transport"
	"sipward/sip/tx"
)

// sink is a UDP flow whose packets vanish.
type sink struct {
	id   transport.ID
	net  transport.Network
	last int
}

func (s *sink) ID() transport.ID           { return s.id }
func (s *sink) Network() transport.Network { return s.net }
func (s *sink) Alive() bool                { return true }
func (s *sink) Send(b []byte) error        { s.last = len(b); return nil }

// register is a REGISTER as phones write it.
func register(i int) []byte {
	return fmt.Appendf(nil, "REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.10:5060;branch=z9hG4bK%016x;rport=41234;received=203.0.113.7\r\n"+
		"Max-Forwards: 70\r\nFrom: \"Alice\" <sip:alice@example.com>;tag=%08x\r\nTo: <sip:alice@example.com>\r\nCall-ID: %032x\r\n"+
		"CSeq: 2 REGISTER\r\nContact: <sip:alice@192.168.1.10:5060>;expires=600\r\nAuthorization: Digest username=\"alice\", realm=\"example.com\", "+
		"nonce=\"0123456789abcdef0123456789abcdef\", uri=\"sip:example.com\", response=\"0123456789abcdef0123456789abcdef\", qop=auth, nc=00000001, cnonce=\"abcdef\"\r\n"+
		"User-Agent: phone/1.0\r\nContent-Length: 0\r\n\r\n", i, i, i)
}

func accept(s *tx.Server) {
	_ = s.Reply(200, "OK", gosip.NewHeader("Contact", "<sip:alice@192.168.1.10:5060>;expires=600"))
}

// A finished UDP transaction holds its answer and little more: at most 0.7 KB. Not parallel: it measures the heap.
func TestMemoryPerFinishedTransaction(t *testing.T) {
	const n, limit = 10_000, 717
	tb := tx.New(tx.Config{}, tx.Deps{}, &user{request: accept})
	defer tb.Close()
	w := &sink{id: "10.0.0.1:5060", net: transport.UDP}
	parser := gosip.NewParser()
	before := heap()
	for i := range n {
		m, err := parser.ParseSIP(register(i))
		if err != nil {
			t.Fatal(err)
		}
		tb.ReceiveOn(w, m)
	}
	held := int(heap()-before) / n
	if _, _, past, _, _ := tb.Kept(); past != n {
		t.Fatalf("%d answers held, want %d", past, n)
	}
	t.Logf("held per finished transaction: %d / %d bytes, of which the answer %d", held, limit, w.last)
	if held > limit {
		t.Errorf("%d bytes, want at most %d", held, limit)
	}
	runtime.KeepAlive(tb)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the second empties the pools
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// F23: a flood does not grow the answers past their budget; the oldest go.
func TestAnswersHaveABudget(t *testing.T) {
	t.Parallel()
	tb := tx.New(tx.Config{Max: 64}, tx.Deps{}, &user{request: accept}) // 640 KiB, about 1,000 answers
	defer tb.Close()
	w := &sink{id: "w", net: transport.UDP}
	for i := range 5000 {
		tb.ReceiveOn(w, parse(t, string(register(i))))
	}
	if _, _, past, _, _ := tb.Kept(); past > 1200 || past < 500 {
		t.Errorf("%d answers held, want about 1,000", past)
	}
	if tb.Live() != 0 || tb.Held() != 0 {
		t.Errorf("live %d, held %d", tb.Live(), tb.Held())
	}
}

// No goroutine belongs to a message or a transaction. Not parallel: it counts them.
func TestNoGoroutinePerTransaction(t *testing.T) {
	tb := tx.New(tx.Config{}, tx.Deps{}, &user{})
	defer tb.Close()
	before := runtime.NumGoroutine()
	for i := range 1000 {
		w := newWire(fmt.Sprint(i), transport.UDP)
		tb.ReceiveOn(w, request(t, "INVITE", fmt.Sprint("in", i)))
		if _, err := tb.Call(w, request(t, "INVITE", fmt.Sprint("out", i)), (&told{}).on); err != nil {
			t.Fatal(err)
		}
	}
	if n := runtime.NumGoroutine() - before; n > 64 || tb.Live() != 2000 { // the runtime serves a due timer in a goroutine of the shard
		t.Errorf("%d goroutines more with %d transactions", n, tb.Live())
	}
}
