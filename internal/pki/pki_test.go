package pki_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sipward/internal/pki"
)

// seed of the CA in every test.
var seed = [32]byte{1}

var quiet = slog.New(slog.DiscardHandler)

// handshake connects a client that trusts the CA file and returns the server certificate it was shown.
func handshake(t *testing.T, p *pki.Pair, ca, name string) (*x509.Certificate, error) {
	t.Helper()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	l, err := tls.Listen("tcp", "127.0.0.1:0", p.Server())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_ = c.(*tls.Conn).Handshake() // the client judges
			_ = c.Close()
		}
	}()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ServerName: name})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

func TestEnsureMakesACertificateClientsAccept(t *testing.T) {
	t.Parallel()
	f, err := pki.Ensure(t.TempDir(), []string{"sip.example.com", "127.0.0.1", "::1"}, seed[:], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p, err := pki.Open(f.Cert, f.Key, quiet)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sip.example.com", "127.0.0.1", "::1"} {
		if _, err := handshake(t, p, f.CA, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := handshake(t, p, f.CA, "other.example.com"); err == nil {
		t.Error("a name the certificate is not for was accepted")
	}
	if i, err := os.Stat(f.Key); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("key file: mode %v, %v; want 0600", i.Mode(), err)
	}
}

func TestEnsureKeepsAGoodOneAndRenewsInTime(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now()
	serial := func(names []string, at time.Time) string {
		f, err := pki.Ensure(dir, names, seed[:], at)
		if err != nil {
			t.Fatal(err)
		}
		p, err := pki.Open(f.Cert, f.Key, quiet)
		if err != nil {
			t.Fatal(err)
		}
		return p.Leaf().SerialNumber.String()
	}
	first := serial([]string{"a.example"}, now)
	if again := serial([]string{"a.example"}, now.Add(300*24*time.Hour)); again != first {
		t.Error("a good certificate was replaced")
	}
	second := serial([]string{"a.example"}, now.Add(380*24*time.Hour))
	if second == first {
		t.Error("a certificate in its last 30 days was kept")
	}
	if third := serial([]string{"a.example", "b.example"}, now); third == second {
		t.Error("a certificate without a new name was kept")
	}
}

func TestPairFollowsItsFilesAndKeepsAWorkingOne(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	f, err := pki.Ensure(dir, []string{"a.example"}, seed[:], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	g, err := pki.Ensure(other, []string{"a.example"}, seed[:], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		p, err := pki.Open(f.Cert, f.Key, quiet)
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = p.Run(t.Context()) }()
		old := p.Leaf().SerialNumber.String()
		replace(t, f.Cert, []byte("nonsense"))
		time.Sleep(3 * time.Second) // synctest: the clock jumps
		if p.Leaf().SerialNumber.String() != old {
			t.Error("a broken file replaced a working certificate")
		}
		for from, to := range map[string]string{g.Cert: f.Cert, g.Key: f.Key} {
			b, err := os.ReadFile(from)
			if err != nil {
				t.Fatal(err)
			}
			replace(t, to, b)
		}
		time.Sleep(3 * time.Second)
		if p.Leaf().SerialNumber.String() == old {
			t.Error("a new certificate is not in use after 3 s")
		}
	})
}

func replace(t *testing.T, file string, content []byte) {
	t.Helper()
	tmp := filepath.Join(filepath.Dir(file), "tmp")
	if err := os.WriteFile(tmp, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, file); err != nil {
		t.Fatal(err)
	}
}

// A phone that trusts the CA file of one node accepts the certificate of another node of the same root key.
func TestNodesOfOneSeedShareTheirCA(t *testing.T) {
	t.Parallel()
	var files [3]pki.Files
	for i, s := range [][32]byte{{1}, {1}, {2}} {
		f, err := pki.Ensure(t.TempDir(), []string{"node.example"}, s[:], time.Now().Add(time.Duration(-i)*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		files[i] = f
	}
	other, err := pki.Open(files[1].Cert, files[1].Key, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(t, other, files[0].CA, "node.example"); err != nil {
		t.Errorf("the other node's certificate: %v", err)
	}
	if _, err := handshake(t, other, files[2].CA, "node.example"); err == nil {
		t.Error("a node of another root key was trusted")
	}
}

// F20: a certificate with 14 days left is told in the log once a day, one with 3 days left and one that has expired as an
// error; a new one ends it, and nothing stops.
func TestTheEndIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir, names := t.TempDir(), []string{"sip.example.com"}
		f, err := pki.Ensure(dir, names, seed[:], time.Now())
		if err != nil {
			t.Fatal(err)
		}
		var said words
		p, err := pki.Open(f.Cert, f.Key, slog.New(&said))
		if err != nil {
			t.Fatal(err)
		}
		end, told := p.Leaf().NotAfter, 0
		for _, tc := range []struct {
			left time.Duration
			want []slog.Level // in the next 25 hours
		}{
			{15*24*time.Hour + 2*time.Hour, nil},
			{14*24*time.Hour - time.Hour, []slog.Level{slog.LevelWarn, slog.LevelWarn}},
			{3*24*time.Hour - time.Hour, []slog.Level{slog.LevelError, slog.LevelError}},
			{-time.Second, []slog.Level{slog.LevelError, slog.LevelError}},
		} {
			time.Sleep(time.Until(end.Add(-tc.left)))
			said = nil
			ctx, stop := context.WithTimeout(t.Context(), 25*time.Hour)
			q, err := pki.Open(f.Cert, f.Key, slog.New(&said))
			if err != nil {
				t.Fatal(err)
			}
			if err := q.Run(ctx); err != nil {
				t.Fatal(err)
			}
			stop()
			told += len(said)
			if !slices.Equal(said, tc.want) {
				t.Errorf("with %s left: %v, want %v", tc.left, said, tc.want)
			}
		}
		t.Logf("alarms told on three days: %d / at least 6", told)
	})
}

// words are the levels of what was logged.
type words []slog.Level

func (w *words) Enabled(context.Context, slog.Level) bool { return true }
func (w *words) Handle(_ context.Context, r slog.Record) error {
	*w = append(*w, r.Level)
	return nil
}
func (w *words) WithAttrs([]slog.Attr) slog.Handler { return w }
func (w *words) WithGroup(string) slog.Handler      { return w }

// Every node of a cluster makes the same CA, whenever it starts.
func TestTheAuthorityIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	var made [][]byte
	for i, now := range []time.Time{time.Now(), time.Now().Add(1000 * time.Hour)} {
		f, err := pki.Ensure(t.TempDir(), []string{"sip.example.com"}, seed[:], now)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(f.CA)
		if err != nil {
			t.Fatal(err)
		}
		if made = append(made, b); !slices.Equal(made[0], b) {
			t.Errorf("CA %d is another one:\n%s\n%s", i+1, made[0], b)
		}
	}
	f, err := pki.Ensure(t.TempDir(), []string{"sip.example.com"}, []byte("another seed of thirty-two bytes"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(f.CA); err != nil || slices.Equal(made[0], b) {
		t.Errorf("another root key makes the same CA (%v)", err)
	}
}
