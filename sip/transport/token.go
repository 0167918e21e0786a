package transport

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"net/netip"
	"sync"
)

// macLen is the length of a token's MAC: 80 bits, so that a forger who may try 10,000 a second needs 10^12 years.
const macLen = 10

// Kinds of tokens, the first byte of each.
const (
	kindStream = 's' // boot epoch (4 bytes), number of the connection (8)
	kindUDP    = 'u' // socket (1), local address (4 or 16), remote port (2), remote address (the rest)
)

// mint makes and checks flow tokens. A stream token carries the boot epoch and dies with the process. A UDP token
// names the addresses themselves and no boot: the flow is the address pair (RFC 5626 section 4), so it lives on when
// the same node binds the same address again.
type mint struct {
	pool sync.Pool // hash.Hash keyed for this node
	boot [4]byte
}

func newMint(key []byte, node string, boot [4]byte) *mint {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("sipward flow token of " + node))
	nodeKey := m.Sum(nil)
	return &mint{boot: boot, pool: sync.Pool{New: func() any { return hmac.New(sha256.New, nodeKey) }}}
}

// seal appends the MAC over payload and extra (which both sides know) and encodes the whole.
func (m *mint) seal(payload []byte, extra string) string {
	return base64.RawURLEncoding.EncodeToString(append(payload, m.mac(payload, extra)...))
}

// open returns the payload of a token whose extra the caller derives from the payload.
func (m *mint) open(token string, extra func(payload []byte) (string, bool)) ([]byte, bool) {
	if len(token) > 80 { // the longest is a UDP token of IPv6: 64 characters
		return nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) <= macLen {
		return nil, false
	}
	payload, mac := raw[:len(raw)-macLen], raw[len(raw)-macLen:]
	x, ok := extra(payload)
	if !ok || !hmac.Equal(mac, m.mac(payload, x)) {
		return nil, false
	}
	return payload, true
}

func (m *mint) mac(payload []byte, extra string) []byte {
	h := m.pool.Get().(hash.Hash)
	defer m.pool.Put(h)
	h.Reset()
	h.Write(payload)
	h.Write([]byte(extra))
	return h.Sum(make([]byte, 0, sha256.Size))[:macLen]
}

func (m *mint) stream(number uint64) string {
	p := make([]byte, 0, 13+macLen)
	p = append(append(p, kindStream), m.boot[:]...)
	return m.seal(binary.BigEndian.AppendUint64(p, number), "")
}

// streamNumber is the connection's number in a stream token's payload.
func (m *mint) streamNumber(p []byte) (uint64, bool) {
	if len(p) != 13 || [4]byte(p[1:5]) != m.boot {
		return 0, false
	}
	return binary.BigEndian.Uint64(p[5:]), true
}

// udp makes the token of a UDP flow; bound is the address of the socket, so that a token of another socket is void.
func (m *mint) udp(socket int, k flowKey, bound string) string {
	p := make([]byte, 0, 36+macLen)
	p = append(p, kindUDP, byte(socket))
	p = append(p, k.local.AsSlice()...)
	p = binary.BigEndian.AppendUint16(p, k.remote.Port())
	p = append(p, k.remote.Addr().AsSlice()...)
	return m.seal(p, bound)
}

// udpKey reads a UDP token's payload: local and remote are of one family, which its length tells.
func udpKey(p []byte) (socket int, k flowKey, ok bool) {
	n := (len(p) - 4) / 2
	if len(p) < 4 || n != 4 && n != 16 || len(p) != 4+2*n {
		return 0, k, false
	}
	local, _ := netip.AddrFromSlice(p[2 : 2+n])
	remote, _ := netip.AddrFromSlice(p[4+n:])
	port := binary.BigEndian.Uint16(p[2+n:])
	return int(p[1]), flowKey{local, netip.AddrPortFrom(remote, port)}, true
}
