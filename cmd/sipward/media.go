package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"sipward/internal/account"
	"sipward/sip/session"
)

// validate checks the media section.
func (c MediaConfig) validate(v *faults) {
	_, _, err := c.ports()
	v.check(err == nil, "media.ports: %v", err)
	_, err = parseAddr(c.Address)
	v.check(err == nil, "media.address: %q is no IP address", c.Address)
	v.check(c.MaxStreams > 0, "media.max_streams: want at least 1")
	v.oneOf("media.relay", c.Relay, "auto", "always", "never")
	for t, mode := range c.RelayByType {
		v.check(kind(t), "media.relay_by_type: %q is no account type: want PGSM or SNOM", t)
		v.oneOf("media.relay_by_type."+t, mode, "auto", "always", "never")
	}
	c.validateTURN(v)
	v.check(c.RelaySilence == 0 || c.RelaySilence >= time.Second, "media.relay_silence: want at least 1s, or 0 for ever")
}

func (c MediaConfig) ports() (lo, hi int, err error) { return portRange(c.Ports) }

// portRange reads first-last.
func portRange(s string) (lo, hi int, err error) {
	a, b, _ := strings.Cut(s, "-")
	lo, errLo := strconv.Atoi(a)
	hi, errHi := strconv.Atoi(b)
	if errLo != nil || errHi != nil || lo < 1024 || hi > 65535 || hi-lo < 1 {
		return 0, 0, fmt.Errorf("%q is no range: want first-last between 1024 and 65535, for example 20000-29999", s)
	}
	return lo, hi, nil
}

// relays reports whether anybody's media may go through the server.
func (c MediaConfig) relays() bool {
	for _, mode := range c.RelayByType {
		if mode != "never" {
			return true
		}
	}
	return c.Relay != "never"
}

// silence is media.relay_silence as the relay wants it.
func (c MediaConfig) silence() time.Duration {
	if c.RelaySilence == 0 {
		return -1
	}
	return c.RelaySilence
}

// mode is how the media of an account type's calls goes.
func (c MediaConfig) mode(kind account.Kind) session.Mode {
	if mode, ok := c.RelayByType[string(kind)]; ok {
		return session.Mode(mode)
	}
	return session.Mode(c.Relay)
}
