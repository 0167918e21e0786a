package relay_test

import (
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"sipward/media"
	"sipward/media/relay"
)

// 10,000 calls leave nothing behind: no port, no descriptor, no goroutine, no memory. The clock of the quarantine goes on
// by a minute a call, so that ports come round.
func TestTenThousandCallsLeaveNothing(t *testing.T) {
	now := time.Now()
	ports, err := media.NewPorts(loopback, 62000, 62099, media.WithClock(func() time.Time { return now }))
	if err != nil {
		t.Fatal(err)
	}
	r := runOn(t, ports, relay.Config{})
	one := func() {
		now = now.Add(time.Minute)
		call, err := r.Open([]byte(offerText), relay.Terms{})
		if err != nil {
			t.Fatal(err)
		}
		for side := range relay.Side(2) {
			if _, err := call.Pass(relay.Origin{Side: side, Host: loopback}, netip.MustParseAddr("192.0.2.9"), []byte(offerText)); err != nil {
				t.Fatal(err)
			}
		}
		call.Answered()
		call.Close()
	}
	for range 500 {
		one()
	}
	heap, files, goroutines := measure(t)
	for range 10000 {
		one()
	}
	heap2, files2, goroutines2 := measure(t)
	if ports.Leased() != 0 || r.Len() != 0 {
		t.Errorf("%d pairs are taken, %d calls open", ports.Leased(), r.Len())
	}
	if files2 > files+8 || goroutines2 > goroutines {
		t.Errorf("descriptors %d → %d, goroutines %d → %d", files, files2, goroutines, goroutines2)
	}
	if heap2 > heap+1<<20 {
		t.Errorf("the heap grew from %d to %d bytes", heap, heap2)
	}
	t.Logf("heap %d → %d, descriptors %d → %d", heap, heap2, files, files2)
}

const offerText = "v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/SAVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n" +
	"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"

func measure(t testing.TB) (heap uint64, files, goroutines int) {
	t.Helper()
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return m.HeapAlloc, len(list), runtime.NumGoroutine()
}

// The memory of one call, as doc.go states it.
func TestMemoryOfACall(t *testing.T) {
	r, _ := serve(t, relay.Config{}, 20000, 59999)
	const calls = 200
	before, _, _ := measure(t)
	held := make([]*relay.Call, calls)
	for i := range held {
		held[i] = open(t, r, offerText)
		for side := range relay.Side(2) {
			pass(t, held[i], side, "127.0.0.1", offerText)
		}
	}
	after, _, _ := measure(t)
	each := (after - before) / calls
	t.Logf("%d bytes a call", each)
	if each > 12<<10 {
		t.Errorf("a call takes %d bytes, more than 12 KiB", each)
	}
	runtime.KeepAlive(held)
}
