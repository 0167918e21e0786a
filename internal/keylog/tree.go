package keylog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
)

// Hash is a SHA-256; hex in JSON.
type Hash [sha256.Size]byte

// MarshalText writes it in hex.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads hex.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(h)) {
		return errors.New("a hash is 64 hexadecimal digits")
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// Leaf is the hash of an entry's bytes; the first byte keeps leaves and inner nodes apart (RFC 9162 section 2.1.1).
func Leaf(entry []byte) Hash { return sha256.Sum256(append([]byte{0}, entry...)) }

func inner(left, right Hash) Hash {
	b := make([]byte, 0, 1+2*len(left))
	b = append(b, 1)
	b = append(b, left[:]...)
	return sha256.Sum256(append(b, right[:]...))
}

// Node names the root of a complete subtree: 2^Level leaves from Index·2^Level on.
type Node struct {
	Level int
	Index uint64
	Hash  Hash
}

// Tree is what must be known to append: how many leaves there are, and the complete subtrees, the largest first.
type Tree struct {
	Size  uint64 `json:"size"`
	Peaks []Hash `json:"peaks"`
}

// Append returns the tree with one more leaf, and the nodes that became complete by it, the leaf itself first.
func (t Tree) Append(leaf Hash) (Tree, []Node) {
	peaks := append([]Hash(nil), t.Peaks...)
	nodes := []Node{{0, t.Size, leaf}}
	h := leaf
	for level := 0; t.Size>>level&1 == 1; level++ {
		h = inner(peaks[len(peaks)-1], h)
		peaks = peaks[:len(peaks)-1]
		nodes = append(nodes, Node{level + 1, t.Size >> (level + 1), h})
	}
	return Tree{Size: t.Size + 1, Peaks: append(peaks, h)}, nodes
}

// Root is the hash over all leaves; that of no leaves is the hash of nothing.
func (t Tree) Root() Hash {
	if len(t.Peaks) == 0 {
		return sha256.Sum256(nil)
	}
	h := t.Peaks[len(t.Peaks)-1]
	for i := len(t.Peaks) - 2; i >= 0; i-- {
		h = inner(t.Peaks[i], h)
	}
	return h
}

// run is the leaves from one to before another, whose hash is one step of a proof.
type run struct{ from, to uint64 }

func path(leaf, from, to uint64) []run {
	if to-from == 1 {
		return nil
	}
	k := from + split(to-from)
	if leaf < k {
		return append(path(leaf, from, k), run{k, to})
	}
	return append(path(leaf, k, to), run{from, k})
}

// split is the largest power of two below n, n > 1.
func split(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }

// Prove makes the inclusion proof of a leaf (RFC 9162 section 2.1.3.1); get reads the hash of a complete subtree.
func Prove(leaf, size uint64, get func(level int, index uint64) (Hash, error)) ([]Hash, error) {
	if leaf >= size {
		return nil, fmt.Errorf("entry %d is not in a log of %d", leaf, size)
	}
	proof := []Hash{}
	for _, r := range path(leaf, 0, size) {
		h, err := over(r.from, r.to, get)
		if err != nil {
			return nil, err
		}
		proof = append(proof, h)
	}
	return proof, nil
}

// over is the hash of a run of leaves.
func over(from, to uint64, get func(int, uint64) (Hash, error)) (Hash, error) {
	n := to - from
	if n&(n-1) == 0 {
		level := bits.TrailingZeros64(n)
		return get(level, from>>level)
	}
	k := from + split(n)
	left, err := over(from, k, get)
	if err != nil {
		return Hash{}, err
	}
	right, err := over(k, to, get)
	if err != nil {
		return Hash{}, err
	}
	return inner(left, right), nil
}

// Verify is what a phone does with a proof (RFC 9162 section 2.1.3.2).
func Verify(leaf Hash, index, size uint64, proof []Hash, root Hash) bool {
	if index >= size {
		return false
	}
	fn, sn, r := index, size-1, leaf
	for _, p := range proof {
		if sn == 0 {
			return false
		}
		if fn&1 == 1 || fn == sn {
			r = inner(p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = inner(r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	return sn == 0 && r == root
}
