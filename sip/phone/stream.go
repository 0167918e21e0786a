package phone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sipward/media"
)

// stream is the audio that flows in one call.
type stream struct {
	recorder *media.Recorder
	session  *media.Session
	cancel   context.CancelFunc
	playing  chan struct{} // closed when nothing is sent any more
	clip     chan *media.Clip
	heard    media.PCM      // set when over
	received media.Received // set when over
}

// Heard is what has come in, or came in.
type Heard struct {
	PCM media.PCM
	media.Received
	Codec string      // PCMU, PCMA, G722; empty: no audio was agreed on
	Suite media.Suite // of SRTP; empty: clear RTP. Packets counts only what authenticated.
}

// beginLocked lets audio flow: the recorder listens, and silence is sent until the call is answered, since early media
// needs our packets to find us.
func (a *Audio) beginLocked() error {
	if a.stream != nil || a.over {
		return nil
	}
	s, err := a.p.sound(a.lease.Addr().Addr())
	if err != nil {
		return err
	}
	recorder, err := media.Record(a.session, a.lease)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(a.p.life)
	st := &stream{recorder: recorder, session: a.session, cancel: cancel, playing: make(chan struct{}), clip: make(chan *media.Clip, 1)}
	a.stream = st
	lease := a.lease
	if !a.p.spawn(func() { a.play(ctx, s, st, lease) }) {
		close(st.playing)
	}
	return nil
}

// answered starts the clip of the phone.
func (a *Audio) answered() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stream != nil && a.p.clip != nil {
		a.stream.next(a.p.clip)
	}
}

// Play sends a clip from now on, instead of what is being sent, and silence after its end.
func (a *Audio) Play(c *media.Clip) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stream == nil {
		return errNoSession
	}
	a.stream.next(c)
	return nil
}

// next hands a clip to play, instead of one that it has not seen yet. The caller holds Audio.mu.
func (st *stream) next(c *media.Clip) {
	select {
	case <-st.clip:
	default:
	}
	st.clip <- c
}

// play sends without a pause until ctx ends: silence, or the latest clip that was asked for.
func (a *Audio) play(ctx context.Context, s *sound, st *stream, lease *media.Lease) {
	defer close(st.playing)
	clip := s.silence
	for ctx.Err() == nil {
		now, cancel := context.WithCancel(ctx)
		over := make(chan error, 1)
		go func(c *media.Clip) { over <- s.pacer.Play(now, c, st.session, lease) }(clip)
		clip = s.silence // follows, unless another is asked for
		var err error
		select {
		case clip = <-st.clip:
			cancel()
			<-over //nolint:errcheck // why it ended is ours: another clip
		case err = <-over:
		}
		cancel()
		switch {
		case err == nil, ctx.Err() != nil, errors.Is(err, media.ErrOnHold), errors.Is(err, media.ErrNoPeer):
		default:
			a.fault(fmt.Errorf("sending audio: %w", err))
			return
		}
	}
}

// stop ends the sending, listens for Config.Linger more, and writes the recording.
func (a *Audio) stop() {
	a.mu.Lock()
	a.over = true
	st, lease := a.stream, a.lease
	a.mu.Unlock()
	if st != nil {
		st.cancel()
		<-st.playing
		a.linger()
		heard, received := st.recorder.Stop(), st.recorder.Received()
		a.mu.Lock()
		st.heard, st.received, st.recorder = heard, received, nil
		a.mu.Unlock()
		a.save(heard)
	}
	if lease != nil {
		lease.Release()
	}
}

func (a *Audio) linger() {
	timer := time.NewTimer(a.p.cfg.Linger)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.p.life.Done():
	}
}

// Heard tells what has come in so far.
func (a *Audio) Heard() Heard {
	a.mu.Lock()
	defer a.mu.Unlock()
	st := a.stream
	if st == nil {
		return Heard{}
	}
	h := Heard{PCM: st.heard, Received: st.received, Codec: st.session.Codec().String(), Suite: st.session.Suite()}
	if st.recorder != nil {
		h.PCM, h.Received = st.recorder.PCM(), st.recorder.Received()
	}
	return h
}

// Listen waits until d of audio has been heard in all.
func (a *Audio) Listen(ctx context.Context, d time.Duration) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if a.Heard().PCM.Duration() >= d {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("only %s of audio was heard: %w", a.Heard().PCM.Duration(), context.Cause(ctx))
		case <-a.p.life.Done():
			return errClosed
		}
	}
}

// save writes the recording, if one is wished and there was sound.
func (a *Audio) save(pcm media.PCM) {
	if a.p.cfg.Record == "" || len(pcm.Samples) == 0 {
		return
	}
	a.p.mu.Lock()
	a.p.recorded++
	path := numbered(a.p.cfg.Record, a.p.recorded)
	a.p.mu.Unlock()
	if err := writeFile(path, func(w io.Writer) error { return media.WriteWAV(w, pcm) }); err != nil {
		a.fault(fmt.Errorf("writing the recording: %w", err))
	}
}

// numbered is the path itself for the first recording, and with -2, -3 … for those after it.
func numbered(path string, n int) string {
	if n == 1 {
		return path
	}
	ext := filepath.Ext(path)
	return fmt.Sprintf("%s-%d%s", strings.TrimSuffix(path, ext), n, ext)
}

func writeFile(path string, fill func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Close())
}
