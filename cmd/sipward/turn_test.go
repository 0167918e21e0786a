package main

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/turn/v5"

	"sipward/internal/apiclient"
)

// An app activates, finds STUN and TURN in its configuration, and a TURN client that knows nothing of us gets an allocation
// with what it found, and reaches a peer. When the account is disabled the allocation is gone, and there is no other.
func TestTURN(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.HTTP.Public = "127.0.0.1:0"
	c.Media.Address, c.Media.TURN.UDP, c.Media.TURN.Allow = "127.0.0.1", []string{"127.0.0.1:0"}, []string{"127.0.0.2/32"}
	s := start(t, c)
	ann, err := s.api.CreateAccount(t.Context(), apiclient.NewAccount{
		Way: "wizard", Type: "PGSM", GroupID: s.group(), ProfileID: "default", Owner: "Ann", Number: "+390212345678",
	})
	if err != nil {
		t.Fatal(err)
	}
	ice := s.iceServers(s.invite(ann.ID))
	if !strings.HasPrefix(ice[0].URLs[0], "stun:"+realm+":") || !strings.HasPrefix(ice[1].URLs[0], "turn:"+realm+":") {
		t.Fatalf("%+v", ice)
	}
	at, _, _ := strings.Cut(strings.TrimPrefix(ice[1].URLs[0], "turn:"+realm+":"), "?")
	allocate := func() (net.PacketConn, error) {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		to := "127.0.0.1:" + at
		client, err := pion.NewClient(&pion.ClientConfig{STUNServerAddr: to, TURNServerAddr: to, Conn: conn, Username: ice[1].Username, Password: ice[1].Credential, Realm: realm})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close(); _ = conn.Close() })
		if err := client.Listen(); err != nil {
			t.Fatal(err)
		}
		a, err := client.Allocate()
		if err == nil {
			t.Cleanup(func() { _ = a.Close() })
		}
		return a, err
	}
	relayed, err := allocate()
	if err != nil {
		t.Fatal(err)
	}
	peer, err := net.ListenPacket("udp4", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	if _, err := relayed.WriteTo([]byte("hello"), peer.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	_ = peer.SetReadDeadline(time.Now().Add(10 * time.Second))
	if n, from, err := peer.ReadFrom(b); err != nil || string(b[:n]) != "hello" || from.String() != relayed.LocalAddr().String() {
		t.Errorf("%q from %v, %v", b[:n], from, err)
	}
	s.disable(line{ann})
	eventually(t, "the allocation is ended", 10*time.Second, func() bool { return s.n.turn.Len() == 0 })
	if _, err := allocate(); err == nil {
		t.Error("a disabled account got an allocation")
	}
	s.enable(line{ann})
	eventually(t, "the account that is enabled gets one", 10*time.Second, func() bool { _, err := allocate(); return err == nil })
}

// iceServer is one as a phone is told it.
type iceServer struct {
	URLs                 []string
	Username, Credential string
}

// iceServers redeems a link and returns the servers in the configuration: one for STUN, and one for TURN.
func (s *server) iceServers(link string) []iceServer {
	s.t.Helper()
	trust := s.trust()
	trust.ServerName = ""
	transport := &http.Transport{TLSClientConfig: trust}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Post(link, "application/json", strings.NewReader(`{"device":{"name":"x","platform":"ios","app_version":"1","key":"k"}}`))
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	var given struct {
		ICE []iceServer `json:"ice_servers"`
	}
	if err := json.NewDecoder(res.Body).Decode(&given); err != nil {
		s.t.Fatal(err)
	}
	if len(given.ICE) != 2 {
		s.t.Fatalf("%d %+v, want two servers", res.StatusCode, given)
	}
	return given.ICE
}
