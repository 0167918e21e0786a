package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sipward/internal/apiclient"
	"sipward/media"
	"sipward/sip/phone"
)

// disable takes Ada's account out of service during a call, hears the server say so, and puts it back.
func (t *tour) disable(ctx context.Context, ada apiclient.Account, a, b *phone.Phone) error {
	ours, theirs, err := t.connect(ctx, a, b, "1002")
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err := t.api.Disable(ctx, ada.ID, "demo"); err != nil {
		return err
	}
	t.say("a second call is up; the operator disables Ada's account")
	for _, call := range []*phone.Call{ours, theirs} {
		if err := call.Wait(ctx); err != nil || !call.Result().ByPeer {
			return fmt.Errorf("the live call was not ended by the server: %+v, %w", call.Result(), err)
		}
	}
	t.say("the server ended the call with BYE to both after %s (%s)", time.Since(began).Round(time.Millisecond), ours.Result().Reason)
	if err := t.hear(ctx, a); err != nil {
		return err
	}
	var refused *phone.Refused
	if err := a.Register(ctx); !errors.As(err, &refused) {
		return fmt.Errorf("REGISTER of a disabled account: %v, want 403", err)
	}
	t.say("Ada's phone registers: %v", refused)
	if _, err := t.api.Enable(ctx, ada.ID); err != nil {
		return err
	}
	ours, _, err = t.connect(ctx, b, a, "1001") // without a new REGISTER: the flow lives
	if err != nil {
		return fmt.Errorf("after enabling: %w", err)
	}
	t.say("enabled again: Bruno reaches Ada at once, 200 OK")
	return ours.Bye(ctx)
}

// hear calls from the disabled account and compares what is heard with the clip.
func (t *tour) hear(ctx context.Context, a *phone.Phone) error {
	call, err := a.Call(ctx, "1002", phone.Options{})
	if err != nil {
		return err
	}
	_ = call.Wait(ctx) // the refusal is what we want: Result has it
	heard, res := call.Audio().Heard(), call.Result()
	clip, err := t.node.clipPCM(media.AccountDisabled)
	if err != nil {
		return err
	}
	match := media.Correlation(clip, heard.PCM)
	t.say("Ada calls 1002: hears \"account-disabled\" over %s (likeness %.2f), then %d %s, %s", heard.Suite, match, res.Code, res.Phrase, res.Reason)
	if match < 0.9 || res.Code != 403 || heard.Suite == "" {
		return errors.New("that is not what a disabled caller should hear")
	}
	if t.record == "" {
		t.record = filepath.Join(t.dir, "announcement.wav")
	}
	f, err := os.Create(t.record)
	if err != nil {
		return err
	}
	return errors.Join(media.WriteWAV(f, heard.PCM), f.Close())
}

// clipPCM is the English clip as shipped.
func (n *node) clipPCM(p media.Prompt) (media.PCM, error) {
	f, err := media.Shipped().Open("en/" + string(p) + ".wav")
	if err != nil {
		return media.PCM{}, err
	}
	defer f.Close()
	return media.ReadWAV(f)
}
