package egress_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"sipward/internal/egress"
)

// P4: what leads into the house is refused, in whatever form it is written.
func TestForgedAddressesAreRefused(t *testing.T) {
	t.Parallel()
	var c egress.Config
	asked, accepted := 0, 0
	for _, host := range []string{
		"127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1",
		"192.0.2.1", "198.18.0.1", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[2002:7f00:1::]",
		"[2002:a9fe:a9fe::1]", "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]", "[::127.0.0.1]", "[2001:db8::1]", "[64:ff9b:1::1]",
	} {
		asked++
		if err := c.CheckURL("https://" + host + "/x"); !errors.Is(err, egress.ErrAddress) {
			accepted++
			t.Errorf("%s: %v", host, err)
		}
	}
	t.Logf("addresses of the inside that were accepted, of %d: %d / limit 0", asked, accepted)
	for _, bad := range []string{"", "x", "ftp://example.com", "http://example.com", "https://", "https://user:pass@example.com", "https://example.com/#x", "https://example.com/" + strings.Repeat("x", 1000), "http://8.8.8.8"} {
		if err := c.CheckURL(bad); err == nil {
			t.Errorf("%.40q is accepted", bad)
		}
	}
	for _, good := range []string{"https://example.com", "https://example.com:8443/x?y=1", "https://8.8.8.8", "https://[2a00:1450::1]/"} {
		if err := c.CheckURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

// A name may say anything: what counts is the address that is dialled.
func TestTheDialledAddressIsJudged(t *testing.T) {
	t.Parallel()
	asked := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	t.Cleanup(s.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	client := egress.Client(egress.Config{})
	t.Cleanup(client.CloseIdleConnections)
	for _, host := range []string{"localhost", "127.0.0.1", "[::ffff:127.0.0.1]"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+host+":"+port, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := client.Do(r); err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s was asked", host)
		} else if !errors.Is(err, egress.ErrAddress) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if asked {
		t.Error("the server was reached")
	}
}

func TestRedirectsAreNotFollowedAndAnswersEnd(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
	})
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		for range 2048 {
			_, _ = w.Write(make([]byte, 1024))
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	client := egress.Client(egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	t.Cleanup(client.CloseIdleConnections)
	get := func(path string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp
	}
	if code := get("/away").StatusCode; code != http.StatusFound {
		t.Errorf("the redirect gave %d", code)
	}
	n, b := 0, make([]byte, 4096)
	for body := get("/long").Body; ; {
		k, err := body.Read(b)
		n += k
		if err != nil {
			break
		}
	}
	if n != 1<<20 {
		t.Errorf("%d bytes were read", n)
	}
}
