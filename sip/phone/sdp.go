package phone

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// muted describes a phone without audio (Config.Mute): a session like any other towards the discard port.
type muted struct{ id, version uint32 }

func (m *muted) describe(f *flow, dir string) []byte {
	if m.version++; m.id == 0 {
		m.id = 1 + rand.Uint32N(1<<31)
	}
	family, addr := "IP4", f.local.Addr()
	if addr.Is6() {
		family = "IP6"
	}
	return fmt.Appendf(nil, "v=0\r\no=- %d %d IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio 9 RTP/AVP 0 8\r\na=%s\r\n",
		m.id, m.version, family, addr, family, addr, or(dir, "sendrecv"))
}

var directions = []string{"sendrecv", "sendonly", "recvonly", "inactive"}

// direction reads the direction of a session of one stream.
func direction(sdp []byte) string {
	for _, d := range directions {
		if bytes.Contains(sdp, []byte("\na="+d+"\r")) || bytes.Contains(sdp, []byte("\na="+d+"\n")) {
			return d
		}
	}
	return "sendrecv"
}

// answering mirrors an offered direction (RFC 3264 section 6.1).
func answering(offered string) string {
	switch offered {
	case "sendonly":
		return "recvonly"
	case "recvonly":
		return "sendonly"
	}
	return offered
}

// redirect sets the direction of a description and raises the version in its o= line.
func redirect(sdp []byte, dir string) []byte {
	var out []string
	for _, l := range strings.Split(strings.TrimRight(string(sdp), "\r\n"), "\r\n") {
		if isDirection(l) {
			continue
		}
		if strings.HasPrefix(l, "o=") {
			l = nextVersion(l)
		}
		out = append(out, l)
	}
	out = append(out, "a="+dir)
	return []byte(strings.Join(out, "\r\n") + "\r\n")
}

func isDirection(line string) bool {
	for _, d := range directions {
		if line == "a="+d {
			return true
		}
	}
	return false
}

// nextVersion raises the third word of an o= line.
func nextVersion(o string) string {
	words := strings.Fields(o)
	if len(words) < 3 {
		return o
	}
	n, _ := strconv.ParseUint(words[2], 10, 64)
	words[2] = strconv.FormatUint(n+1, 10)
	return strings.Join(words, " ")
}
