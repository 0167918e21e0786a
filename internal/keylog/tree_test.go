package keylog_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"testing"

	"sipward/internal/keylog"
)

// The roots of RFC 6962's reference implementation for its eight test leaves (the hashing is that of RFC 9162).
func TestRootsOfTheReference(t *testing.T) {
	t.Parallel()
	leaves := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	want := []string{
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	var tree keylog.Tree
	for i, l := range leaves {
		b, err := hex.DecodeString(l)
		if err != nil {
			t.Fatal(err)
		}
		tree, _ = tree.Append(keylog.Leaf(b))
		if root := tree.Root(); hex.EncodeToString(root[:]) != want[i] {
			t.Errorf("root of %d leaves is %x, want %s", i+1, root, want[i])
		}
	}
	if empty := (keylog.Tree{}).Root(); hex.EncodeToString(empty[:8]) != "e3b0c44298fc1c14" {
		t.Errorf("the root of nothing is %x", empty)
	}
}

// Every entry of every size up to 70 can be proven, and nothing else can.
func TestEveryEntryCanBeProven(t *testing.T) {
	t.Parallel()
	var tree keylog.Tree
	nodes := map[[2]uint64]keylog.Hash{}
	get := func(level int, index uint64) (keylog.Hash, error) {
		h, ok := nodes[[2]uint64{uint64(level), index}]
		if !ok {
			return h, fmt.Errorf("node %d/%d was never complete", level, index)
		}
		return h, nil
	}
	leaf := func(i uint64) keylog.Hash { return keylog.Leaf(fmt.Appendf(nil, "entry %d", i)) }
	for size := uint64(1); size <= 70; size++ {
		var complete []keylog.Node
		tree, complete = tree.Append(leaf(size - 1))
		for _, n := range complete {
			nodes[[2]uint64{uint64(n.Level), n.Index}] = n.Hash
		}
		root := tree.Root()
		for i := range size {
			proof, err := keylog.Prove(i, size, get)
			if err != nil {
				t.Fatalf("entry %d of %d: %v", i, size, err)
			}
			if !keylog.Verify(leaf(i), i, size, proof, root) {
				t.Fatalf("the proof of entry %d of %d is refused", i, size)
			}
			if keylog.Verify(leaf(i+1), i, size, proof, root) || keylog.Verify(leaf(i), i+1, size, proof, root) || keylog.Verify(leaf(i), i, size, append(proof, root), root) {
				t.Fatalf("the proof of entry %d of %d proves too much", i, size)
			}
		}
		if _, err := keylog.Prove(size, size, get); err == nil {
			t.Fatal("what is not there was proven")
		}
	}
}

func TestASignedProof(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tree, _ := keylog.Tree{}.Append(keylog.Leaf([]byte("one")))
	p := keylog.Proof{Entry: "one", Size: 1, Root: tree.Root()}
	p.Sign(private)
	if !p.Verify(public) {
		t.Error("a good proof is refused")
	}
	other := p
	other.Entry = "two"
	if other.Verify(public) {
		t.Error("another entry is proven")
	}
	p.Signature[0] ^= 1
	if p.Verify(public) || p.Verify(nil) {
		t.Error("a bad signature is accepted")
	}
}
