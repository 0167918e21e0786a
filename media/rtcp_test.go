package media_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"sipward/media"
)

// Sender reports every 5 s or so with true counts, and a BYE at the end.
func TestRTCP(t *testing.T) {
	t.Parallel()
	for _, mux := range []bool{false, true} {
		bubble(t, func(t *testing.T, p *media.Pacer, pool *media.Ports) {
			e, control, l := newEar(t, "127.0.0.1"), newEar(t, "127.0.0.1"), lease(t, pool)
			e.rtcp, control.rtcp = mux, true
			s := toEar(t, e, l, loopback, fmt.Sprintf("a=rtcp:%d", control.addr.Port()))
			if mux {
				s = toEar(t, e, l, loopback, "a=rtcp-mux")
			}
			clip := media.NewClip(tone(440, 30*time.Second))
			if err := p.Play(t.Context(), clip, s, l); err != nil {
				t.Fatal(err)
			}
			var packets [][]byte
			n, ssrc, ticks := 0, uint32(0), uint32(0)
			for b := e.next(); b != nil; b = e.next() {
				if b[1] >= 200 && b[1] <= 204 {
					packets = append(packets, append([]byte(nil), b...))
					continue
				}
				h := parseRTP(b)
				n, ssrc, ticks = n+1, h.ssrc, h.ticks
			}
			for b := control.next(); b != nil; b = control.next() {
				packets = append(packets, append([]byte(nil), b...))
			}
			if n != clip.Frames() {
				t.Errorf("%d packets, want %d", n, clip.Frames())
			}
			if len(packets) < 4 || len(packets) > 13 {
				t.Fatalf("%d reports in 30 s", len(packets))
			}
			for i, b := range packets {
				compound, err := rtcp.Unmarshal(b)
				if err != nil {
					t.Fatal(err)
				}
				sr, ok := compound[0].(*rtcp.SenderReport)
				if _, named := compound[1].(*rtcp.SourceDescription); !ok || !named || sr.SSRC != ssrc {
					t.Fatalf("report %d: %v", i, compound)
				}
				last := i == len(packets)-1
				if bye := len(compound) == 3; bye != last {
					t.Errorf("report %d of %d: %v", i, len(packets), compound)
				}
				if last && (sr.PacketCount != uint32(n) || sr.OctetCount != uint32(160*n) || sr.RTPTime != ticks+160) {
					t.Errorf("%+v, want %d packets, timestamp %d", sr, n, ticks+160)
				}
			}
		})
	}
}
