package provisioning_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/account"
	"sipward/internal/keylog"
	"sipward/internal/store"
	"sipward/internal/store/storetest"
	"sipward/internal/web"
	"sipward/provisioning"
)

// directory is a node with the key directory, on a store that others may share.
type directory struct {
	t       *testing.T
	store   *store.Store
	handler http.Handler
	public  ed25519.PublicKey
}

func openDirectory(t *testing.T) *directory {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := &directory{t: t, store: storetest.Open(t), public: public}
	k, err := provisioning.NewKeyDirectory(provisioning.KeyDeps{
		Accounts: d.store.Accounts, Keys: d.store.MessageKeys, Devices: web.NewDevices(d.store.Devices, nil, time.Now),
		NonceKey: bytes.Repeat([]byte{1}, 32), LogKey: private, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	d.handler, err = web.New(web.Config{Bootstrap: "b"}, web.Deps{
		Tokens: d.store.Tokens, Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Now: time.Now,
	}, k.PublicRoutes(), k.Routes())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *directory) do(method, path, bearer string, body any) *httptest.ResponseRecorder {
	d.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	if body == nil {
		b = nil
	}
	r := httptest.NewRequestWithContext(d.t.Context(), method, path, bytes.NewReader(b))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+bearer)
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	return w
}

// holder is a phone with a key pair.
type holder struct {
	d     *directory
	acc   account.Account
	token string
}

func (d *directory) holder() *holder {
	d.t.Helper()
	a, _ := storetest.Account(d.t, d.store)
	token, err := d.store.Devices.Issue(d.t.Context(), a.ID, account.Device{Name: "phone"})
	if err != nil {
		d.t.Fatal(err)
	}
	return &holder{d, a, token.Reveal()}
}

func (h *holder) grant(reason string) *httptest.ResponseRecorder {
	return h.d.do(http.MethodPost, "/v1/keys/grants", h.token, map[string]string{"reason": reason})
}

func (h *holder) revoke() {
	h.d.t.Helper()
	if w := h.d.do(http.MethodPost, "/api/v1/accounts/"+string(h.acc.ID)+"/revoke-keys", "b", nil); w.Code != http.StatusOK {
		h.d.t.Fatalf("revoke: %d %s", w.Code, w.Body)
	}
}

func pair(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func certificate(t *testing.T, key crypto.Signer, change ...func(*x509.Certificate)) []byte {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour)}
	for _, f := range change {
		f(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func fingerprint(t *testing.T, key crypto.Signer) string {
	t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(spki)
	return hex.EncodeToString(sum[:])
}

func (h *holder) nonce() string {
	h.d.t.Helper()
	var n struct {
		Nonce string `json:"nonce"`
	}
	w := h.d.do(http.MethodPost, "/v1/keys/nonces", h.token, nil)
	if err := json.Unmarshal(w.Body.Bytes(), &n); err != nil || n.Nonce == "" {
		h.d.t.Fatalf("nonce: %d %s", w.Code, w.Body)
	}
	return n.Nonce
}

// upload sends a certificate, signed by key.
func (h *holder) upload(key crypto.Signer, der []byte, nonce string) *httptest.ResponseRecorder {
	h.d.t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		h.d.t.Fatal(err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	digest := sha256.Sum256(provisioning.UploadStatement(h.acc.ID, nonce, hex.EncodeToString(sum[:])))
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		h.d.t.Fatal(err)
	}
	return h.d.do(http.MethodPut, "/v1/keys", h.token, map[string]any{"certificate": der, "nonce": nonce, "signature": signature})
}

type shownKey struct {
	Fingerprint string       `json:"fingerprint"`
	Certificate []byte       `json:"certificate"`
	Revision    uint64       `json:"revision"`
	Log         keylog.Proof `json:"log"`
	Code        string       `json:"code"`
}

func shown(t *testing.T, w *httptest.ResponseRecorder, status int, code string) shownKey {
	t.Helper()
	var k shownKey
	if err := json.Unmarshal(w.Body.Bytes(), &k); err != nil || w.Code != status || k.Code != code {
		t.Fatalf("status %d %s, want %d %q", w.Code, w.Body, status, code)
	}
	return k
}

func (h *holder) key(peer *holder) *httptest.ResponseRecorder {
	return h.d.do(http.MethodGet, "/v1/keys/"+string(peer.acc.Number), h.token, nil)
}

func TestAKeyFromItsUploadToItsRevocation(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	ada, bruno := d.holder(), d.holder()
	first := pair(t)
	shown(t, ada.upload(first, certificate(t, first), ada.nonce()), http.StatusForbidden, "no_grant")
	if w := ada.grant("pin_enabled"); w.Code != http.StatusNoContent || w.Body.Len() > 0 {
		t.Fatalf("grant: %d %s", w.Code, w.Body)
	}
	put := shown(t, ada.upload(first, certificate(t, first), ada.nonce()), http.StatusOK, "")
	if put.Fingerprint != fingerprint(t, first) || put.Revision != 1 || !put.Log.Verify(d.public) {
		t.Errorf("uploaded: %+v", put)
	}
	shown(t, ada.upload(first, certificate(t, first), ada.nonce()), http.StatusOK, "") // repeated: the answer was lost
	second := pair(t)
	shown(t, ada.upload(second, certificate(t, second), ada.nonce()), http.StatusForbidden, "no_grant") // one grant, one upload

	var log struct {
		Key []byte `json:"public_key"`
	}
	if err := json.Unmarshal(d.do(http.MethodGet, "/v1/key-log", bruno.token, nil).Body.Bytes(), &log); err != nil || !d.public.Equal(ed25519.PublicKey(log.Key)) {
		t.Errorf("the log's key: %x, %v", log.Key, err)
	}
	got := shown(t, bruno.key(ada), http.StatusOK, "")
	if got.Fingerprint != put.Fingerprint || !got.Log.Verify(d.public) {
		t.Errorf("fetched: %+v", got)
	}
	var e keylog.Entry
	if err := json.Unmarshal([]byte(got.Log.Entry), &e); err != nil || e.Account != ada.acc.ID || e.Fingerprint != got.Fingerprint || e.Action != keylog.Upload {
		t.Errorf("entry %s, %v", got.Log.Entry, err)
	}

	ada.grant("pin_disabled")
	ada.revoke()
	shown(t, bruno.key(ada), http.StatusNotFound, "no_key")
	shown(t, ada.upload(second, certificate(t, second), ada.nonce()), http.StatusForbidden, "no_grant") // a revocation takes the permission too
	ada.grant("pin_enabled")
	shown(t, ada.upload(first, certificate(t, first), ada.nonce()), http.StatusConflict, "revoked_key")
	last := shown(t, ada.upload(second, certificate(t, second), ada.nonce()), http.StatusOK, "")
	if last.Revision != 3 || last.Log.Size != 3 || !last.Log.Verify(d.public) {
		t.Errorf("after the revocation: %+v", last)
	}
	shown(t, bruno.key(bruno), http.StatusNotFound, "no_key")
	shown(t, bruno.key(&holder{acc: account.Account{Number: "+1234567"}}), http.StatusNotFound, "no_key")
}

// What triggered a permission cannot be told from anything that is answered, stored or shown.
func TestDuressLooksLikeAPIN(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	var answers, states []string
	for _, reason := range []string{"pin_enabled", "pin_disabled", "duress"} {
		h := d.holder()
		w := h.grant(reason)
		answers = append(answers, w.Result().Status+w.Body.String())
		a, err := d.store.Accounts.ByID(t.Context(), h.acc.ID)
		if err != nil || a.Keys.Granted.IsZero() {
			t.Fatalf("no permission: %v", err)
		}
		a.Keys.Granted = time.Time{}
		b, err := json.Marshal(a.Keys)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, string(b))
	}
	for i := range answers {
		if answers[i] != answers[0] || states[i] != states[0] {
			t.Errorf("they differ: %q %q", answers, states)
		}
	}
	shown(t, d.holder().grant("because"), http.StatusBadRequest, "invalid")
}

func TestWhatIsRefusedAsAKey(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	h, other := d.holder(), d.holder()
	h.grant("pin_enabled")
	key := pair(t)
	der := certificate(t, key)
	shown(t, h.upload(pair(t), der, h.nonce()), http.StatusBadRequest, "invalid") // another's certificate
	shown(t, h.upload(key, der, other.nonce()), http.StatusBadRequest, "invalid") // another's nonce
	shown(t, h.upload(key, der, "AAAA"), http.StatusBadRequest, "invalid")        // no nonce of ours
	expired := certificate(t, key, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Second) })
	shown(t, h.upload(key, expired, h.nonce()), http.StatusBadRequest, "invalid")
	long := certificate(t, key, func(c *x509.Certificate) { c.DNSNames = []string{string(bytes.Repeat([]byte("a"), 5000))} })
	shown(t, h.upload(key, long, h.nonce()), http.StatusBadRequest, "invalid")
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	shown(t, h.upload(weak, certificate(t, weak), h.nonce()), http.StatusBadRequest, "invalid")
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	shown(t, d.do(http.MethodPut, "/v1/keys", h.token, map[string]any{"certificate": private, "nonce": h.nonce(), "signature": ""}), http.StatusBadRequest, "invalid")
	shown(t, h.upload(key, der, h.nonce()), http.StatusOK, "") // the permission is still there
}

func TestADisabledAccountHasNoKey(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	ada, bruno := d.holder(), d.holder()
	ada.grant("pin_enabled")
	key := pair(t)
	shown(t, ada.upload(key, certificate(t, key), ada.nonce()), http.StatusOK, "")
	if _, err := d.store.Accounts.Update(t.Context(), ada.acc.ID, func(a *account.Account) error { a.Suspend("t", "", time.Now()); return nil }); err != nil {
		t.Fatal(err)
	}
	shown(t, bruno.key(ada), http.StatusNotFound, "no_key")
	shown(t, ada.key(bruno), http.StatusForbidden, "account_state")
	shown(t, ada.grant("pin_enabled"), http.StatusForbidden, "account_state")
}

// K2: a record that was set back to what it was before a revocation is never served, also after a restart.
func TestK2ARecordThatWasSetBackIsNotServed(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	ada, bruno := d.holder(), d.holder()
	ada.grant("pin_enabled")
	key := pair(t)
	shown(t, ada.upload(key, certificate(t, key), ada.nonce()), http.StatusOK, "")
	old, err := d.store.Accounts.ByID(t.Context(), ada.acc.ID)
	if err != nil {
		t.Fatal(err)
	}
	ada.revoke()
	if _, err := d.store.Accounts.Update(t.Context(), ada.acc.ID, func(a *account.Account) error { a.Keys = old.Keys; return nil }); err != nil {
		t.Fatal(err)
	}
	if w := bruno.key(ada); w.Code != http.StatusServiceUnavailable {
		t.Errorf("a revoked key was served: %d %s", w.Code, w.Body)
	}
	acc, err := d.store.Accounts.ByID(t.Context(), ada.acc.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.store.MessageKeys.Proof(t.Context(), acc); !errors.Is(err, store.ErrMisfit) {
		t.Errorf("the store proves it: %v", err)
	}
}

// A crash between the account and the log is mended by the next reader.
func TestTheLogCatchesUp(t *testing.T) {
	t.Parallel()
	d := openDirectory(t)
	ada, bruno := d.holder(), d.holder()
	key := pair(t)
	_, err := d.store.Accounts.Update(t.Context(), ada.acc.ID, func(a *account.Account) error {
		a.GrantKey(time.Now())
		return a.PutKey(fingerprint(t, key), "", certificate(t, key), time.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := shown(t, bruno.key(ada), http.StatusOK, ""); !got.Log.Verify(d.public) || got.Log.Size != 1 {
		t.Errorf("%+v", got)
	}
}
