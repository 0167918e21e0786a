package store

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sipward/internal/account"
	"sipward/internal/location"
)

// Config says where the state lies.
type Config struct {
	URL          string        // redis://, rediss://, redis+sentinel://host,host/master, redis+cluster://…; empty: embedded
	Dir          string        // of the embedded store
	Fsync        string        // embedded: "always" (default) or "interval"
	MaxStaleness time.Duration // how long a cached account may be trusted while the change stream is silent; 30 s
	Prefix       string        // put before every key; tests share one Redis by it
}

// Store is all repositories on one connection.
type Store struct {
	Accounts  *Accounts
	Locations *Locations
	Changes   *Changes
	Groups    *Groups
	Tokens    *Tokens
	Clips     *Clips
	Nodes     *Nodes
}

// Open connects, or fails with one line that names the mend; it never falls back from Redis to the embedded store.
func Open(ctx context.Context, c Config, log *slog.Logger, m prometheus.Registerer) (*Store, error) {
	panic("being written")
}

// Run follows the change stream to keep the account cache true, and sweeps orphaned claims; it returns when ctx ends.
func (s *Store) Run(ctx context.Context) error { panic("being written") }

// Ping tells whether the store answers (readiness).
func (s *Store) Ping(ctx context.Context) error { panic("being written") }

// Close releases everything.
func (s *Store) Close() error { panic("being written") }

// Accounts is the repository of accounts.
type Accounts struct{}

// Create writes a new account, claims its user and numbers, and appends a change. It returns account.ErrTaken, wrapped
// with the field and the value, when another account has one of them.
func (r *Accounts) Create(ctx context.Context, a account.Account) (account.Account, error) {
	panic("being written")
}

// ByID, ByUser and ByNumber read the truth from the store; account.ErrNotFound when there is none.
func (r *Accounts) ByID(ctx context.Context, id account.ID) (account.Account, error) {
	panic("being written")
}

// ByUser finds who authenticates.
func (r *Accounts) ByUser(ctx context.Context, user string) (account.Account, error) {
	panic("being written")
}

// ByNumber finds who is dialled, by primary or secondary number.
func (r *Accounts) ByNumber(ctx context.Context, n account.Number) (account.Account, error) {
	panic("being written")
}

// CachedByUser, CachedByNumber and CachedByID may answer from the node's cache, which the change stream keeps true; when
// the store is away they answer known accounts for at most MaxStaleness. Anything not cached is read.
func (r *Accounts) CachedByUser(ctx context.Context, user string) (account.Account, error) {
	panic("being written")
}

// CachedByNumber is ByNumber through the cache.
func (r *Accounts) CachedByNumber(ctx context.Context, n account.Number) (account.Account, error) {
	panic("being written")
}

// CachedByID is ByID through the cache.
func (r *Accounts) CachedByID(ctx context.Context, id account.ID) (account.Account, error) {
	panic("being written")
}

// Update changes an account by compare-and-swap and appends a change; f may run more than once and must only modify what
// it is given. Changed user or numbers are claimed anew and the old ones freed. The result carries the new Version.
func (r *Accounts) Update(ctx context.Context, id account.ID, f func(*account.Account) error) (account.Account, error) {
	panic("being written")
}

// Delete removes an account, its bindings and its number claims and appends a change; the user name stays taken for 30
// days. version 0 deletes whatever version is there, else kv.ErrConflict when it has changed.
func (r *Accounts) Delete(ctx context.Context, id account.ID, version uint64) error {
	panic("being written")
}

// Filter, Page, ClipFile, Node and Effect are nouns of layer 0, so that the consumers, which never import this
// package, can name them in their interfaces.
type Filter = account.Filter

// Page is one page of a list.
type Page[T any] = account.Page[T]

// List pages through accounts, the oldest first.
func (r *Accounts) List(ctx context.Context, f Filter, cursor string, limit int) (Page[account.Account], error) {
	panic("being written")
}

// Locations is the repository of bindings.
type Locations struct{}

// Update runs f on the account and its bindings and writes the result only if neither has changed meanwhile; f may rerun
// and may refuse with an error, which is returned as it is. One round trip when nothing was changed elsewhere.
func (r *Locations) Update(ctx context.Context, id account.ID, f func(account.Account, location.Set) (location.Set, error)) (location.Set, error) {
	panic("being written")
}

// Lookup reads the truth about a callee in one round trip: the account and its bindings.
func (r *Locations) Lookup(ctx context.Context, id account.ID) (account.Account, location.Set, error) {
	panic("being written")
}

// Remove takes one binding of a dead flow away, if it is still that flow's.
func (r *Locations) Remove(ctx context.Context, id account.ID, node, flow string) error {
	panic("being written")
}

// List pages through the accounts that have bindings.
func (r *Locations) List(ctx context.Context, cursor string, limit int) (Page[location.Set], error) {
	panic("being written")
}

// Changes is the change stream.
type Changes struct{}

// Head is the position behind the newest change.
func (r *Changes) Head(ctx context.Context) (account.Cursor, error) { panic("being written") }

// After yields changes behind c as they come, until ctx ends; kv.ErrGap when c was trimmed away (the reader sweeps and
// starts at Head). A yielded change carries the cursor behind it.
func (r *Changes) After(ctx context.Context, c account.Cursor) iter.Seq2[account.Change, error] {
	panic("being written")
}

// Groups is the repository of groups.
type Groups struct{}

// Create writes a new group; account.ErrTaken when the name is in use.
func (r *Groups) Create(ctx context.Context, g account.Group) (account.Group, error) {
	panic("being written")
}

// ByID reads one group, account.ErrNotFound.
func (r *Groups) ByID(ctx context.Context, id account.GroupID) (account.Group, error) {
	panic("being written")
}

// Update is compare-and-swap, as Accounts.Update.
func (r *Groups) Update(ctx context.Context, id account.GroupID, f func(*account.Group) error) (account.Group, error) {
	panic("being written")
}

// Delete removes an empty group; ErrNotEmpty while accounts belong to it.
func (r *Groups) Delete(ctx context.Context, id account.GroupID, version uint64) error {
	panic("being written")
}

// List returns all groups by name.
func (r *Groups) List(ctx context.Context) ([]account.Group, error) { panic("being written") }

// Tokens is the repository of API tokens; only SHA-256 hashes of their secrets are stored.
type Tokens struct{}

// Create stores a token; ByHash finds a living one; List and Delete manage them.
func (r *Tokens) Create(ctx context.Context, t account.Token) (account.Token, error) {
	panic("being written")
}

// ByHash finds a token by the SHA-256 of its secret: account.ErrNotFound when there is none or it has expired.
func (r *Tokens) ByHash(ctx context.Context, hash [32]byte) (account.Token, error) {
	panic("being written")
}

// List returns all tokens.
func (r *Tokens) List(ctx context.Context) ([]account.Token, error) { panic("being written") }

// Delete revokes a token at once.
func (r *Tokens) Delete(ctx context.Context, id string) error { panic("being written") }

// Clips keeps uploaded WAV files, at most 16 MiB each.
type Clips struct{}

// ClipFile is one upload.
type ClipFile = account.ClipFile

// Put stores an upload and appends a change of TopicClip; Get returns its bytes; Delete brings the shipped clip back.
func (r *Clips) Put(ctx context.Context, f ClipFile, wav []byte) (ClipFile, error) {
	panic("being written")
}

// Get returns one upload, account.ErrNotFound.
func (r *Clips) Get(ctx context.Context, prompt, lang string) (ClipFile, []byte, error) {
	panic("being written")
}

// List returns all uploads.
func (r *Clips) List(ctx context.Context) ([]ClipFile, error) { panic("being written") }

// Delete removes an upload and appends a change.
func (r *Clips) Delete(ctx context.Context, prompt, lang string) error { panic("being written") }

// Nodes is the list of nodes and what each has applied of the change stream.
type Nodes struct{}

// Node is one process's heartbeat.
type Node = account.Node

// Beat writes this node's heartbeat (every second; it expires after 10 s); List returns the living ones; Leave removes it.
func (r *Nodes) Beat(ctx context.Context, n Node) error { panic("being written") }

// List returns the nodes seen within the last 10 s.
func (r *Nodes) List(ctx context.Context) ([]Node, error) { panic("being written") }

// Leave removes a node's heartbeat at its clean end.
func (r *Nodes) Leave(ctx context.Context, id string) error { panic("being written") }

// Effect is how far an account's version has reached.
type Effect = account.Effect

// Effect tells whether the change that made an account's version is applied on all nodes.
func (s *Store) Effect(ctx context.Context, id account.ID, version uint64) (Effect, error) {
	panic("being written")
}
