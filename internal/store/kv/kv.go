package kv

import (
	"context"
	"errors"
	"time"
)

// Key names a record, an index or a stream under its tag. Both parts are built from validated ids only.
type Key struct{ Tag, Name string }

// String is the physical key: "{tag}name".
func (k Key) String() string { return "{" + k.Tag + "}" + k.Name }

// Record is a stored value; whoever reads it does not change it, for stores share it between readers. Version 0 means absent; a present record's version rises by one with every Put, and starts
// again at 1 when it was deleted or expired meanwhile.
type Record struct {
	Value   []byte
	Version uint64
}

// Check holds when the record's version is Version; 0 asks for absence.
type Check struct {
	Key     Key
	Version uint64
}

// Put writes a record; a zero Expires keeps it for ever.
type Put struct {
	Key     Key
	Value   []byte
	Expires time.Time
}

// IndexAdd puts a member into an ordered index, or moves it to a new score.
type IndexAdd struct {
	Index  Key
	Member string
	Score  float64
}

// IndexRemove takes a member out of an index.
type IndexRemove struct {
	Index  Key
	Member string
}

// Append adds an entry to a stream, which keeps about MaxLen entries (0: all).
type Append struct {
	Stream Key
	Value  []byte
	MaxLen int
}

// Txn is checks and writes under one tag: all writes happen, or none. The kinds are applied in the order of the fields,
// each in its own order. A record is written at most once: put or deleted.
type Txn struct {
	Tag     string // every key below carries it
	Checks  []Check
	Puts    []Put
	Deletes []Key
	Adds    []IndexAdd
	Removes []IndexRemove
	Appends []Append
}

// Result tells what a committed transaction made, in the order asked for.
type Result struct {
	Versions []uint64 // one for each Put
	Entries  []string // one id for each Append
}

// Range asks for the members of an index in ascending order of (score, member).
type Range struct {
	Index    Key
	Min, Max float64 // scores, inclusive; use math.Inf for open ends
	After    *Member // continue behind this member; nil: from Min
	Limit    int     // 0: 1000
	Reverse  bool    // descending; After then means below
}

// Member is one entry of an index.
type Member struct {
	Name  string
	Score float64
}

// Entry is one entry of a stream. Ids of one stream rise in the order given by [Less].
type Entry struct {
	ID    string
	Value []byte
}

// Tail asks for the entries of a stream behind an id; "" is the oldest entry that is kept, and never a gap. Any other
// position is an id the stream has given out: when that entry is gone, or the stream has never come so far (it was
// flushed, or an older backup was restored), the answer is ErrGap.
type Tail struct {
	Stream Key
	After  string
}

// The errors of the port; adapters wrap theirs, so that errors.Is works.
var (
	ErrConflict    = errors.New("kv: a checked record has changed")
	ErrGap         = errors.New("kv: the stream was trimmed behind the given position")
	ErrInvalid     = errors.New("kv: no store can run this")              // a mistake of the caller: keys of two tags, a name too long
	ErrUnavailable = errors.New("kv: the store does not answer")          // retry later; nothing is known of the outcome of a Commit
	ErrRefused     = errors.New("kv: the store refuses writes right now") // nothing was written: out of memory, disk full, read-only replica, no replicas
)

// Store is the port. All methods are safe for concurrent use and bound their own waiting even when ctx has no deadline:
// 200 ms on Redis, 1 s on the embedded store, whose disk may pause.
type Store interface {
	// Read returns the records of keys of any tags, in order, in one round trip (one per shard).
	Read(ctx context.Context, keys ...Key) ([]Record, error)
	// Commit runs a transaction: ErrConflict when a check failed and nothing was written. The transaction's values belong
	// to the store from then on, even when ctx ends first.
	Commit(ctx context.Context, t Txn) (Result, error)
	// Ranges answers several index ranges of any tags in one round trip.
	Ranges(ctx context.Context, ranges ...Range) ([][]Member, error)
	// Count returns the number of members of each index, in one round trip.
	Count(ctx context.Context, indexes ...Key) ([]int, error)
	// Heads returns the id of the newest entry of each stream ("" when it is empty), in one round trip.
	Heads(ctx context.Context, streams ...Key) ([]string, error)
	// Tails returns up to limit entries of each stream behind its position; when there are none it waits until one
	// appears, ctx ends or wait is over (then: no entries, no error). ErrGap when a position was trimmed away.
	Tails(ctx context.Context, wait time.Duration, limit int, tails ...Tail) ([][]Entry, error)
	// Durable waits until the writes of this process so far are on as many replicas as the configuration asks for
	// (none on the embedded store). It returns ErrUnavailable when they are not in time.
	Durable(ctx context.Context) error
	// Ping tells whether the store answers.
	Ping(ctx context.Context) error
	// Close releases everything; no method is called after it.
	Close() error
}

// Beginner is what a store may be beside: it commits without a goroutine that waits, for those who have thousands of
// transactions under way.
type Beginner interface {
	// Begin is Commit, but tells done the outcome, once and within 200 ms, perhaps before it returns. done must not hold
	// the goroutine it is called on.
	Begin(t Txn, done func(Result, error))
}
