package media_test

import (
	"encoding/hex"
	"testing"

	"sipward/media"
)

// The request and the answer of RFC 5769 sections 2.1 and 2.2, whose password is VOkJxbRl1RmTxUk/WvJxBt.
const (
	stunRequest = "000100582112a442b7e7a701bc34d686fa87dfae" + "802200105354554e207465737420636c69656e74" + "002400046e0001ff" +
		"80290008932ff9b151263b36" + "000600096576746a3a68367659202020" + "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2" + "80280004e57a3bcb"
	stunAnswer = "0101003c2112a442b7e7a701bc34d686fa87dfae" + "8022000b7465737420766563746f7220" + "002000080001a147e112a643" +
		"000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7" + "80280004c07d4c96"
)

func TestSTUNIsProved(t *testing.T) {
	t.Parallel()
	ours, theirs := ice(t, "a", "VOkJxbRl1RmTxUk/WvJxBt"), ice(t, "b", "another password")
	for _, c := range []struct {
		name, packet string
		from, to     media.ICE
		want         bool
	}{
		{"a request, by its receiver's password", stunRequest, theirs, ours, true},
		{"a request of the wrong side", stunRequest, ours, theirs, false},
		{"an answer, by its sender's password", stunAnswer, ours, theirs, true},
		{"an answer of the wrong side", stunAnswer, theirs, ours, false},
		{"sides that do no ICE", stunRequest, media.ICE{}, ours, false},
	} {
		packet, err := hex.DecodeString(c.packet)
		if err != nil {
			t.Fatal(err)
		}
		if got := media.ProvesSTUN(packet, c.from, c.to); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		packet[25] ^= 1
		if media.ProvesSTUN(packet, c.from, c.to) {
			t.Errorf("%s, changed: proved", c.name)
		}
		for n := range packet { // cut anywhere it proves nothing, and reads nothing that is not there
			if media.ProvesSTUN(packet[:n], c.from, c.to) {
				t.Errorf("%s: %d bytes of it are proved", c.name, n)
			}
		}
	}
}

// ice is what a description with these says.
func ice(t *testing.T, ufrag, password string) media.ICE {
	t.Helper()
	lines, err := media.Inspect([]byte("v=0\r\na=ice-ufrag:" + ufrag + "\r\na=ice-pwd:" + password + "\r\nm=audio 4000 RTP/AVP 0\r\n"))
	if err != nil || len(lines) != 1 || !lines[0].ICE.Does() {
		t.Fatalf("%v, %v", lines, err)
	}
	return lines[0].ICE
}
