package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"sync"
	"sync/atomic"
	"time"
)

// A nonce is 24 bytes, base64url without padding (32 characters, short because a challenge must not amplify):
//
//	time in ms (6) | node and boot (4) | counter (4) | HMAC-SHA-256 of the 14 before, truncated (10)
//
// Nothing of it is stored. The counter keeps nonces of one millisecond apart; the boot tag tells nonces of an earlier
// run, whose counts are forgotten, from ours.
const (
	nonceClear = 14
	nonceMAC   = 10
	nonceSize  = nonceClear + nonceMAC
	nonceText  = nonceSize * 4 / 3
)

// skew is how far a nonce may lie in the future: a clock that was set back by more makes it stale.
const skew = 5 * time.Second

// standing is what a nonce is worth.
type standing int

const (
	forged standing = iota // not made by our cluster
	stale                  // ours, but old, or another node's, or of an earlier run: its count is not known here
	fresh                  // good for use, if its count rises
)

// nonces makes and judges nonces; it is safe for concurrent use.
type nonces struct {
	tag     [4]byte
	life    time.Duration
	counter atomic.Uint32
	macs    sync.Pool // *mac
}

// mac is one keyed hash with room to work in, so that nothing is allocated per message.
type mac struct {
	hash hash.Hash
	raw  [nonceSize]byte
	sum  [sha256.Size]byte
}

func newNonces(key []byte, node string, life time.Duration) *nonces {
	n := &nonces{life: life}
	boot := []byte(rand.Text() + node)
	sum := sha256.Sum256(boot)
	copy(n.tag[:], sum[:])
	n.macs.New = func() any { return &mac{hash: hmac.New(sha256.New, key)} }
	return n
}

// sign returns the truncated MAC of the clear part of m.raw; it is valid until m goes back to the pool.
func (m *mac) sign() []byte {
	m.hash.Reset()
	m.hash.Write(m.raw[:nonceClear])
	return m.hash.Sum(m.sum[:0])[:nonceMAC]
}

// mint makes a nonce no one has seen before.
func (n *nonces) mint(now time.Time) string {
	m := n.macs.Get().(*mac)
	defer n.macs.Put(m)
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(m.raw[:6], ms[2:])
	copy(m.raw[6:10], n.tag[:])
	binary.BigEndian.PutUint32(m.raw[10:], n.counter.Add(1))
	copy(m.raw[nonceClear:], m.sign())
	return base64.RawURLEncoding.EncodeToString(m.raw[:])
}

// stamp names a nonce of this run for the window, and says when it was made.
type stamp struct {
	key    uint64 // unique among the nonces that can be fresh at one time
	issued int64  // ms
}

// judge tells what a nonce is worth at now.
func (n *nonces) judge(text string, now time.Time) (stamp, standing) {
	var in [nonceText]byte
	if len(text) != nonceText {
		return stamp{}, forged
	}
	copy(in[:], text)
	m := n.macs.Get().(*mac)
	defer n.macs.Put(m)
	if _, err := base64.RawURLEncoding.Strict().Decode(m.raw[:], in[:]); err != nil {
		return stamp{}, forged
	}
	if !hmac.Equal(m.raw[nonceClear:], m.sign()) {
		return stamp{}, forged
	}
	var ms [8]byte
	copy(ms[2:], m.raw[:6])
	issued := int64(binary.BigEndian.Uint64(ms[:]))
	age := now.Sub(time.UnixMilli(issued))
	if [4]byte(m.raw[6:10]) != n.tag || age > n.life || age < -skew {
		return stamp{}, stale
	}
	return stamp{key: uint64(uint32(issued))<<32 | uint64(binary.BigEndian.Uint32(m.raw[10:])), issued: issued}, fresh
}
