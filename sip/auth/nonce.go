package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A nonce is 28 bytes, base64url without padding (38 characters, short because a challenge must not amplify):
//
//	time in ms (6) | node and boot (4) | counter (4) | HMAC-SHA-256 of the 14 before, truncated (10) |
//	HMAC-SHA-256 of the 24 before and the source address, truncated (4)
//
// The last part binds it to the address that was challenged: from elsewhere it is stale, so that nobody can fail with a
// nonce of his own in another's name, and have him limited. Nothing of it is stored. The counter keeps nonces of one millisecond apart; the boot tag tells nonces of an earlier
// run, whose counts are forgotten, from ours.
const (
	nonceClear = 14
	nonceMAC   = 10
	nonceBound = nonceClear + nonceMAC
	nonceSize  = nonceBound + 4
	nonceText  = (nonceSize*8 + 5) / 6
)

// skew is how far a nonce may lie in the future: a clock that was set back by more makes it stale.
const skew = 5 * time.Second

// standing is what a nonce is worth.
type standing int

const (
	forged standing = iota // not made by our cluster
	stale                  // ours, but old, or for another source, or another node's, or of an earlier run: its count is not known here
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
	from [16]byte
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

// bind returns what binds the rest of m.raw to a source; it is valid until m goes back to the pool.
func (m *mac) bind(src netip.Addr) []byte {
	m.from = src.Unmap().As16()
	m.hash.Reset()
	m.hash.Write(m.raw[:nonceBound])
	m.hash.Write(m.from[:])
	return m.hash.Sum(m.sum[:0])[:nonceSize-nonceBound]
}

// mint makes a nonce no one has seen before, for one source.
func (n *nonces) mint(src netip.Addr, now time.Time) string {
	m := n.macs.Get().(*mac)
	defer n.macs.Put(m)
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(m.raw[:6], ms[2:])
	copy(m.raw[6:10], n.tag[:])
	binary.BigEndian.PutUint32(m.raw[10:], n.counter.Add(1))
	copy(m.raw[nonceClear:], m.sign())
	copy(m.raw[nonceBound:], m.bind(src))
	return base64.RawURLEncoding.EncodeToString(m.raw[:])
}

// stamp names a nonce of this run for the window, and says when it was made.
type stamp struct {
	key    uint64 // unique among the nonces that can be fresh at one time
	issued int64  // ms
}

// judge tells what a nonce from a source is worth at now.
func (n *nonces) judge(text string, src netip.Addr, now time.Time) (stamp, standing) {
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
	if !hmac.Equal(m.raw[nonceClear:nonceBound], m.sign()) {
		return stamp{}, forged
	}
	var ms [8]byte
	copy(ms[2:], m.raw[:6])
	issued := int64(binary.BigEndian.Uint64(ms[:]))
	age := now.Sub(time.UnixMilli(issued))
	if [4]byte(m.raw[6:10]) != n.tag || age > n.life || age < -skew || !hmac.Equal(m.raw[nonceBound:], m.bind(src)) {
		return stamp{}, stale
	}
	return stamp{key: uint64(uint32(issued))<<32 | uint64(binary.BigEndian.Uint32(m.raw[10:])), issued: issued}, fresh
}
