// Package storetest gives tests the real store: embedded in a directory of the test, or on the Redis that
// SIPWARD_TEST_REDIS names (a redis:// URL), each test under its own prefix. It also makes accounts.
package storetest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sipward/internal/account"
	"sipward/internal/seal"
	"sipward/internal/store"
)

// Realm is the digest realm of the accounts that Account makes.
const Realm = "sipward.test"

// Ring returns the keys under which Account seals; it is the same in every test.
func Ring() *seal.Ring { return seal.NewRing("ha1", seal.Root{1, 2, 3}) }

// Config returns a configuration for a store that is empty, and the test's own.
func Config(t testing.TB) store.Config {
	t.Helper()
	c := store.Config{Dir: filepath.Join(t.TempDir(), "store")}
	if url := os.Getenv("SIPWARD_TEST_REDIS"); url != "" {
		c.URL, c.Prefix = url, "test-"+strings.ToLower(rand.Text())+":"
	}
	return c
}

// Open returns a running store, which ends with the test; its cache follows the change stream.
func Open(t testing.TB, opts ...func(*store.Config)) *store.Store {
	t.Helper()
	c := Config(t)
	for _, o := range opts {
		o(&c)
	}
	s, err := store.Open(t.Context(), c, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	Run(t, s)
	return s
}

// Run runs a store until the test ends, then closes it.
func Run(t testing.TB, s *store.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context())) // t.Context ends before the clean-ups
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run store: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
}

// Option changes an account before its password is sealed and it is written.
type Option func(*account.Account)

// User sets the user name.
func User(user string) Option { return func(a *account.Account) { a.User = user } }

// Number sets the primary number.
func Number(n account.Number) Option { return func(a *account.Account) { a.Number = n } }

// Group puts the account into a group, which must exist.
func Group(id account.GroupID) Option { return func(a *account.Account) { a.Group = id } }

// Pending makes an account that waits for its activation.
func Pending() Option { return func(a *account.Account) { a.Way, a.Activated = account.Wizard, nil } }

// Disabled makes an account that an operator has disabled.
func Disabled() Option {
	return func(a *account.Account) { a.Suspend("test", "by storetest", a.Created) }
}

// New returns an active account that is not stored, with a fresh password sealed by Ring for Realm.
func New(t testing.TB, opts ...Option) (account.Account, account.Secret) {
	t.Helper()
	return NewSealed(t, Ring(), Realm, opts...)
}

// NewSealed is New for a test's own keys and realm.
func NewSealed(t testing.TB, ring *seal.Ring, realm string, opts ...Option) (account.Account, account.Secret) {
	t.Helper()
	user := digits(t, 8)
	now := nowUTC()
	a := account.Account{
		ID: account.NewID(), Way: account.Plain, Kind: account.PGSM, User: user, Owner: "Owner " + user,
		Number: account.Number("+39" + user), Language: "en", Security: account.EndToSite, Obfuscation: true,
		ObfuscationKey: "9", Created: now, Updated: now,
		Activated: &account.Activation{At: now, Method: account.ByHand},
	}
	for _, o := range opts {
		o(&a)
	}
	password := account.NewSecret()
	a.SetPassword(ring, realm, password)
	return a, password
}

// Account stores a fresh active account and returns it with its password.
func Account(t testing.TB, s *store.Store, opts ...Option) (account.Account, account.Secret) {
	t.Helper()
	a, password := New(t, opts...)
	stored, err := s.Accounts.Create(t.Context(), a)
	if err != nil {
		t.Fatalf("create account: %v", err)
	}
	return stored, password
}

// digits returns n random digits, the first of which is no zero.
func digits(t testing.TB, n int64) string {
	t.Helper()
	low := new(big.Int).Exp(big.NewInt(10), big.NewInt(n-1), nil)
	v, err := rand.Int(rand.Reader, new(big.Int).Mul(low, big.NewInt(9)))
	if err != nil {
		t.Fatalf("random digits: %v", err)
	}
	return v.Add(v, low).String()
}
