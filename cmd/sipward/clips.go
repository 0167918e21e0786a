package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/media"
)

// playable says whether a WAV can be played, and how long it is.
func playable(r io.ReadSeeker) (time.Duration, error) {
	c, err := media.LoadClip(r)
	if err != nil {
		return 0, err
	}
	return c.Duration(), nil
}

// followClips keeps the uploaded clips in use: all of them at the start and after a gap, each one as it changes.
func (n *node) followClips(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := n.clipRound(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("uploaded clips not followed, trying again", "err", err)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
	}
	return nil
}

func (n *node) clipRound(ctx context.Context) error {
	head, err := n.store.Changes.Head(ctx)
	if err != nil {
		return err
	}
	uploads, err := n.store.Clips.List(ctx)
	if err != nil {
		return err
	}
	for _, u := range uploads {
		n.useClip(ctx, u.Language, u.Prompt)
	}
	for change, err := range n.store.Changes.After(ctx, head) {
		if err != nil {
			return err
		}
		if lang, prompt, ok := strings.Cut(change.ID, "/"); ok && change.Topic == account.TopicClip {
			n.useClip(ctx, lang, prompt)
		}
	}
	return nil
}

// useClip puts an upload into use, or the shipped clip back when there is none any more. A damaged one leaves the present
// clip in use.
func (n *node) useClip(ctx context.Context, lang, prompt string) {
	_, wav, err := n.store.Clips.Get(ctx, prompt, lang)
	if errors.Is(err, account.ErrNotFound) {
		n.clips.Set(media.Prompt(prompt), lang, nil)
		return
	}
	var clip *media.Clip
	if err == nil {
		clip, err = media.LoadClip(bytes.NewReader(wav))
	}
	if err != nil {
		n.log.Error("uploaded clip not usable, the present one stays", "language", lang, "prompt", prompt, "err", err)
		return
	}
	n.clips.Set(media.Prompt(prompt), lang, clip)
}
