package kvtest

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"sipward/internal/store/kv"
)

// Open gives a store for one test, and closes it with the test. It may give the same store twice: the suite uses tags
// that no other test uses.
type Open func(t *testing.T) kv.Store

// Run is the conformance suite.
func Run(t *testing.T, open Open) {
	t.Helper()
	var tags atomic.Int64
	for _, c := range []struct {
		name string
		test func(*fixture)
	}{
		{"an absent record has version 0", absent},
		{"a put is read back with its version", putAndRead},
		{"every put raises the version by one", versionsRise},
		{"a deleted record starts again at 1", deleteStartsAgain},
		{"a read keeps the order of its keys, across tags", readOrder},
		{"values are any bytes", anyBytes},
		{"a large value survives", largeValue},
		{"a check of the right version passes", checkPasses},
		{"a check of a wrong version writes nothing", checkFails},
		{"a check of absence", checkAbsence},
		{"one failed check of many writes nothing of any kind", allOrNothing},
		{"the kinds of a transaction are applied in order", kindsInOrder},
		{"keys of two tags are refused", twoTags},
		{"a record written twice is refused", writtenTwice},
		{"a value may be reused by the caller after the commit", valueIsCopied},
		{"an expired record is absent", expiredIsAbsent},
		{"an expired record starts again at 1", expiredStartsAgain},
		{"a refresh keeps a record alive", refreshKeepsAlive},
		{"a put without expiry makes a record stay", expiryRemoved},
		{"an index is ordered by score, then member", indexOrder},
		{"a range is inclusive, with open ends", rangeBounds},
		{"a range is limited", rangeLimit},
		{"pages by cursor give every member once", rangePages},
		{"pages backwards give every member once", rangePagesReverse},
		{"a cursor whose member is gone still works", cursorGone},
		{"negative and infinite scores are ordered", oddScores},
		{"a member moves to its new score", memberMoves},
		{"counts follow adds and removes", counts},
		{"several ranges answer in order", severalRanges},
		{"entries come in order, behind a position", streamOrder},
		{"heads are the newest ids", heads},
		{"ids rise within one transaction", idsRise},
		{"a stream keeps about its length, and a trimmed position is a gap", trimAndGap},
		{"a position the stream never reached is a gap", positionAhead},
		{"a tail is limited", tailLimit},
		{"a tail waits for an append", tailWakes},
		{"a tail of many streams wakes for any", tailOfMany},
		{"a tail ends with its wait", tailEnds},
		{"a tail ends soon after its context", tailCancelled},
		{"one of many increments wins each version", hotKey},
		{"concurrent appends are all there, once", concurrentAppends},
		{"transactions begun together stand each for itself", begunTogether},
		{"an ended context is refused", endedContext},
		{"it is durable, and answers a ping", durableAndPing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := &fixture{T: t, store: open(t), tag: "t" + strconv.FormatInt(tags.Add(1), 10)}
			var cancel context.CancelFunc
			f.ctx, cancel = context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			c.test(f)
		})
	}
}

// fixture is one test: a store and a tag of its own.
type fixture struct {
	*testing.T
	store kv.Store
	ctx   context.Context
	tag   string
}

// key names something under the test's tag.
func (f *fixture) key(name string) kv.Key { return kv.Key{Tag: f.tag, Name: name} }

// commit must succeed.
func (f *fixture) commit(t kv.Txn) kv.Result {
	f.Helper()
	if t.Tag == "" {
		t.Tag = f.tag
	}
	r, err := f.store.Commit(f.ctx, t)
	if err != nil {
		f.Fatalf("Commit: %v", err)
	}
	return r
}

func (f *fixture) put(name, value string) uint64 {
	f.Helper()
	return f.commit(kv.Txn{Puts: []kv.Put{{Key: f.key(name), Value: []byte(value)}}}).Versions[0]
}

func (f *fixture) putUntil(name, value string, at time.Time) uint64 {
	f.Helper()
	return f.commit(kv.Txn{Puts: []kv.Put{{Key: f.key(name), Value: []byte(value), Expires: at}}}).Versions[0]
}

func (f *fixture) read(name string) kv.Record {
	f.Helper()
	r, err := f.store.Read(f.ctx, f.key(name))
	if err != nil {
		f.Fatalf("Read: %v", err)
	}
	return r[0]
}

// want compares a record.
func (f *fixture) want(name, value string, version uint64) {
	f.Helper()
	if r := f.read(name); string(r.Value) != value || r.Version != version {
		f.Fatalf("%s is %q at version %d, want %q at %d", name, r.Value, r.Version, value, version)
	}
}

// eventually polls until ok, for what happens by the clock.
func (f *fixture) eventually(what string, ok func() bool) {
	f.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-f.ctx.Done():
			f.Fatalf("never: %s", what)
		}
	}
}
