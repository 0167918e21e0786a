//go:build accept

package main

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sipward/internal/apiclient"
	"sipward/internal/store/kv/kvtest"
	"sipward/sip/transport"
)

// A2: somebody without the password cannot tell an active, a disabled, a pending and an unknown account apart: not by what
// comes back, and not by how long it takes (the best classifier on time has an AUC of 0.55 at most).
// On the embedded store and on Redis, where a look-up that leaves the node would take longest.
func TestStrangersCannotTellAccountsApart(t *testing.T) {
	for name, url := range map[string]func() string{
		"embedded": func() string { return "" },
		"redis":    func() string { return kvtest.Redis(t).URL() },
	} {
		t.Run(name, func(t *testing.T) {
			c := testConfig(t)
			c.Limits.Exempt = []string{"127.0.0.0/8"}
			c.Redis.URL = url()
			_, c.Syslog.URL = datagrams(t) // nor by what it costs to tell of it
			tellApart(t, start(t, c))
		})
	}
}

func tellApart(t *testing.T, s *server) {
	group := s.group()
	active, disabled := s.line(group, "7001"), s.line(group, "7002")
	s.disable(disabled)
	pending, err := s.api.CreateAccount(t.Context(), apiclient.NewAccount{
		Way: "wizard", Type: "PGSM", GroupID: group, ProfileID: "default", Owner: "Pending", Number: "7003",
	})
	if err != nil {
		t.Fatal(err)
	}
	users := []string{active.User, disabled.User, pending.User, "99999999"}
	conn, err := net.Dial("udp", s.addr(transport.UDP))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	samples := 2000
	for _, method := range []string{"REGISTER", "INVITE", "MESSAGE", "OPTIONS"} {
		took := make([][]time.Duration, len(users))
		answers := make([]string, len(users))
		for range samples {
			for _, i := range rand.Perm(len(users)) { // interleaved, so that the machine's mood hits all alike
				answer, d := probe(t, conn, method, users[i])
				took[i] = append(took[i], d)
				if answers[i] == "" {
					answers[i] = answer
				} else if answers[i] != answer {
					t.Fatalf("%s: the answers to %s differ:\n%s\n%s", method, users[i], answers[i], answer)
				}
			}
		}
		for i := range users[:3] {
			if answers[i] != answers[3] {
				t.Errorf("%s: the answer to %s differs from that to an unknown user:\n%s\n%s", method, users[i], answers[i], answers[3])
			}
			auc := separation(took[i], took[3])
			t.Logf("%s %s against unknown: AUC %.3f / limit 0.55", method, []string{"active", "disabled", "pending"}[i], auc)
			if auc > 0.55 {
				t.Errorf("%s: time tells %s from an unknown user with AUC %.3f, want 0.55", method, users[i], auc)
			}
		}
	}
}

// separation is the AUC of the best threshold classifier in either direction: 0.5 is none, 1 is perfect.
func separation(a, b []time.Duration) float64 {
	b = slices.Clone(b)
	slices.Sort(b)
	less := 0.0
	for _, x := range a {
		i, _ := slices.BinarySearch(b, x)
		less += float64(len(b) - i)
	}
	auc := less / float64(len(a)*len(b))
	return max(auc, 1-auc)
}

var (
	reNonce = regexp.MustCompile(`nonce="([^"]+)", algorithm=MD5`)
	reVary  = regexp.MustCompile(`(?m)(branch=[^;\r]+|tag=[^;\r]+|nonce="[^"]+"|^Call-ID: .*|rport=\d+|username="[^"]+"|sip:\d+@)`)
)

// probe asks for a challenge, answers it with a wrong password, and returns the final answer, what must vary masked, and
// the time it took.
func probe(t *testing.T, conn net.Conn, method, user string) (string, time.Duration) {
	t.Helper()
	id := fmt.Sprintf("%x", rand.Uint64())
	challenge, _ := exchange(t, conn, rawRequest(method, user, id, 1, ""))
	m := reNonce.FindStringSubmatch(challenge)
	if m == nil {
		t.Fatalf("no MD5 challenge in:\n%s", challenge)
	}
	uri := "sip:" + target(method, user) + realm
	ha1, ha2 := sum(user+":"+realm+":wrong"), sum(method+":"+uri)
	response := sum(ha1 + ":" + m[1] + ":00000001:abcd:auth:" + ha2)
	header := "Proxy-Authorization"
	if method == "REGISTER" {
		header = "Authorization"
	}
	answer, took := exchange(t, conn, rawRequest(method, user, id, 2, fmt.Sprintf(
		`%s: Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=MD5, cnonce="abcd", qop=auth, nc=00000001`+"\r\n",
		header, user, realm, m[1], uri, response)))
	return reVary.ReplaceAllString(answer, "*"), took
}

func target(method, user string) string {
	if method == "REGISTER" {
		return ""
	}
	return user + "@"
}

func sum(s string) string {
	h := md5.Sum([]byte(s))
	return hex.EncodeToString(h[:])
}

func rawRequest(method, user, id string, cseq int, credentials string) string {
	return fmt.Sprintf("%s sip:%s%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK%s%d;rport\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=%s\r\n"+
		"To: <sip:%s@%s>\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:%s@127.0.0.1>\r\n%sContent-Length: 0\r\n\r\n",
		method, target(method, user), realm, id, cseq, user, realm, id, user, realm, id, cseq, method, user, credentials)
}

// exchange sends a request and returns the final answer; an INVITE's is acknowledged.
func exchange(t *testing.T, conn net.Conn, msg string) (string, time.Duration) {
	t.Helper()
	branch := regexp.MustCompile(`branch=(\S+?);`).FindStringSubmatch(msg)[1]
	began := time.Now()
	if _, err := conn.Write([]byte(msg)); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(began.Add(5 * time.Second))
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		answer := string(buf[:n])
		if !strings.Contains(answer, branch) || strings.HasPrefix(answer, "SIP/2.0 1") {
			continue // a retransmission of an earlier one
		}
		if strings.HasPrefix(msg, "INVITE") {
			ack := strings.Replace(strings.Replace(msg, "INVITE", "ACK", 1), " INVITE\r\n", " ACK\r\n", 1)
			if to := regexp.MustCompile(`(?m)^To: .*$`).FindString(answer); to != "" {
				ack = regexp.MustCompile(`(?m)^To: .*$`).ReplaceAllLiteralString(ack, strings.TrimRight(to, "\r")+"\r")
			}
			_, _ = conn.Write([]byte(ack)) // lost: the server repeats its answer, which is skipped above
		}
		return answer, took
	}
}
