//go:build accept

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"sipward/internal/store/kv/kvtest"
)

// idlePhones is how many TLS phones the tests connect, each with its own connection.
const idlePhones = 3000

// thin is a phone that costs the test next to nothing: one TLS connection, registered, that pings.
type thin struct {
	line
	conn net.Conn
	cseq int
}

// connect dials the server and registers, in at most attempts tries.
func (h *thin) connect(addr string, trust *tls.Config, attempts int) (err error) {
	for range attempts {
		dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: 30 * time.Second}, Config: trust}
		if h.conn, err = dialer.Dial("tcp", addr); err == nil {
			if err = h.register(); err == nil {
				return nil
			}
			_ = h.conn.Close()
		}
	}
	return err
}

// register sends REGISTER, answers the challenge and wants 200.
func (h *thin) register() error {
	id := fmt.Sprintf("%s-%d", h.User, time.Now().UnixNano())
	challenge, err := h.ask(id, "")
	if err != nil {
		return err
	}
	m := reNonce.FindStringSubmatch(challenge)
	if m == nil {
		return fmt.Errorf("no challenge in %q", challenge)
	}
	response := sum(sum(h.User+":"+realm+":"+h.Password) + ":" + m[1] + ":00000001:abcd:auth:" + sum("REGISTER:sip:"+realm))
	answer, err := h.ask(id, fmt.Sprintf(`Authorization: Digest username="%s", realm="%s", nonce="%s", uri="sip:%s", response="%s", algorithm=MD5, cnonce="abcd", qop=auth, nc=00000001`+"\r\n",
		h.User, realm, m[1], realm, response))
	if err == nil && !strings.HasPrefix(answer, "SIP/2.0 200") {
		err = fmt.Errorf("REGISTER: %.40q", answer)
	}
	return err
}

func (h *thin) ask(id, credentials string) (string, error) {
	h.cseq++
	msg := strings.Replace(rawRequest("REGISTER", h.User, id, h.cseq, credentials), "SIP/2.0/UDP", "SIP/2.0/TLS", 1)
	if _, err := io.WriteString(h.conn, msg); err != nil {
		return "", err
	}
	return h.read("\r\n\r\n", 30*time.Second)
}

// read reads until the end it waits for, which is a message's because none here has a body.
func (h *thin) read(end string, within time.Duration) (string, error) {
	var got strings.Builder
	b := make([]byte, 4096)
	_ = h.conn.SetReadDeadline(time.Now().Add(within))
	for !strings.HasSuffix(got.String(), end) {
		n, err := h.conn.Read(b)
		if err != nil {
			return got.String(), err
		}
		got.Write(b[:n])
	}
	return got.String(), nil
}

// ping sends the double CRLF of RFC 5626 section 4.4.1 and waits for the single one.
func (h *thin) ping() error {
	if _, err := io.WriteString(h.conn, "\r\n\r\n"); err != nil {
		return err
	}
	_, err := h.read("\r\n", 10*time.Second)
	return err
}

// L4 and L5: 3,000 TLS phones stay connected and ping, at 80 KiB each; then the server is killed, and all come back at
// once within 60 s and three attempts each.
func TestTLSPhones(t *testing.T) {
	redis, dir := kvtest.Redis(t).URL(), t.TempDir()
	exempt := "SIPWARD_LIMITS_CONNECTIONS_PER_ADDRESS=10000"
	p := spawn(t, dir, redis, "SIPWARD_SIP_TLS=127.0.0.1:0", exempt)
	phones := make([]*thin, idlePhones)
	for i, l := range crowd(t, p, 100000, idlePhones) {
		phones[i] = &thin{line: l}
		t.Cleanup(func() {
			if phones[i].conn != nil {
				_ = phones[i].conn.Close()
			}
		})
	}
	addr, trust, before := p.at["SIP/tls"], trustIn(t, p.ca), p.memory(t)
	all(t, idlePhones, 32, func(i int) error { return phones[i].connect(addr, trust, 1) })
	within(t, "KiB per idle phone", int((p.memory(t)-before)*1024/idlePhones), 80)

	pings := paced(t.Context(), 200, 30*time.Second, func(_ context.Context, i int) error { return phones[i%idlePhones].ping() })
	pings.none(t, "pings of 3,000 phones")
	within(t, "pong p99", pings.quantile(0.99), 50*time.Millisecond)

	p.kill()
	began := time.Now()
	spawn(t, dir, redis, "SIPWARD_SIP_TLS="+addr, exempt)
	var storm sync.WaitGroup
	var back tally
	for _, h := range phones {
		storm.Go(func() {
			at := time.Now()
			err := h.connect(addr, trust, 3)
			back.add(time.Since(at), err)
		})
	}
	storm.Wait()
	back.none(t, "3,000 phones back at once")
	within(t, "all registered after", time.Since(began).Round(time.Millisecond), time.Minute)
}
