package phone

import (
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"os"

	"sipward/media"
)

// Phones take their RTP ports here, apart from a server's default range.
const lowestPort, highestPort = 30000, 39999

// sound is what all calls of a phone share; it is made with the first call that has audio.
type sound struct {
	ports   *media.Ports
	pacer   *media.Pacer
	silence *media.Clip
	clip    *media.Clip // what is played once in each call; nil: silence
}

func (p *Phone) sound(ip netip.Addr) (*sound, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.audio != nil {
		return p.audio, nil
	}
	if p.closed {
		return nil, errClosed
	}
	ports, err := media.NewPorts(ip, lowestPort, highestPort)
	if err != nil {
		return nil, err
	}
	quiet := media.NewLoop(media.FromInt16(make([]int16, 160), 8000))
	s := &sound{ports: ports, pacer: media.NewPacer(0, slog.New(slog.DiscardHandler), nil), silence: quiet, clip: p.clip}
	p.works.Go(func() { _ = s.pacer.Run(p.life) })
	p.audio = s
	return s, nil
}

func (p *Phone) lease(ip netip.Addr) (*media.Lease, error) {
	s, err := p.sound(ip)
	if err != nil {
		return nil, err
	}
	return s.ports.Lease()
}

// loadClip reads Config.Play, or makes Config.Tone.
func loadClip(c Config) (*media.Clip, error) {
	switch {
	case c.Play != "":
		f, err := os.Open(c.Play)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		clip, err := media.LoadClip(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Play, err)
		}
		return clip, nil
	case c.Tone > 0:
		return tone(c.Tone), nil
	}
	return nil, nil
}

// tone is an endless sine at half of full scale. It lasts a whole number of cycles, hence no click at its seam: one second
// does that for every whole frequency.
func tone(hz int) *media.Clip {
	const rate = 16000
	pcm := make([]int16, rate)
	for i := range pcm {
		pcm[i] = int16(math.MaxInt16 / 2 * math.Sin(2*math.Pi*float64(hz)*float64(i)/rate))
	}
	return media.NewLoop(media.FromInt16(pcm, rate))
}
