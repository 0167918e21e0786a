package smpp

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"sipward/internal/message"
)

var (
	reID   = regexp.MustCompile(`(?i)\bid:\s*([0-9a-z_-]{1,64})`)
	reStat = regexp.MustCompile(`(?i)\bstat:\s*([a-z]{1,16})`)
	reErr  = regexp.MustCompile(`(?i)\berr:\s*([0-9a-z]{1,8})`)
)

// states are the values of message_state (section 5.2.28); words those of the text (appendix B), often cut or padded.
var (
	states = []message.Status{"", message.Sent, message.Delivered, message.Expired, message.Failed, message.Undelivered, message.Sent, message.Unknown, message.Rejected}
	words  = map[string]message.Status{
		"ENROUTE": message.Sent, "DELIVRD": message.Delivered, "EXPIRED": message.Expired, "DELETED": message.Failed,
		"UNDELIV": message.Undelivered, "ACCEPTD": message.Sent, "UNKNOWN": message.Unknown, "REJECTD": message.Rejected,
	}
)

// receipt reads a deliver_sm that is one: esm_class says so, or a parameter that only receipts have.
func (s short) receipt() (ids []string, r message.Receipt, ok bool) {
	tagged := strings.TrimRight(string(s.parameters[tagReceiptedID]), "\x00")
	if s.esm&0x3c != 0x04 && tagged == "" {
		return nil, r, false
	}
	body := string(s.message)
	r.To = s.from
	id := tagged
	if m := reID.FindStringSubmatch(body); id == "" && m != nil {
		id = m[1]
	}
	if v := s.parameters[tagMessageState]; len(v) == 1 && int(v[0]) < len(states) {
		r.Status = states[v[0]]
	}
	if m := reStat.FindStringSubmatch(body); m != nil {
		word := strings.ToUpper(m[1])
		if r.Status == "" {
			r.Status = words[word[:min(len(word), 7)]]
		}
		r.Detail = "the network said " + word
	}
	if m := reErr.FindStringSubmatch(body); m != nil && strings.Trim(m[1], "0") != "" {
		r.Detail = strings.TrimSpace(r.Detail + fmt.Sprintf(" (error %s)", m[1]))
	}
	if r.Status == "" {
		r.Status = message.Unknown
	}
	return forms(id), r, id != ""
}

// canonical is the form under which an id is kept: leading zeros and case mean nothing.
func canonical(id string) string {
	id = strings.ToLower(strings.TrimSpace(id))
	if t := strings.TrimLeft(id, "0"); t != "" {
		return t
	}
	return id
}

// maxID bounds what is converted between bases.
const maxID = 40

// forms are the ids that the answer to the submission may have shown for the id of a receipt: the same, or the one in
// hexadecimal and the other in decimal. Whose receipt it is decides the number it speaks of.
func forms(id string) []string {
	id = canonical(id)
	if id == "" {
		return nil
	}
	all := []string{id}
	if len(id) > maxID {
		return all
	}
	if n, ok := new(big.Int).SetString(id, 10); ok {
		all = append(all, n.Text(16))
	}
	if n, ok := new(big.Int).SetString(id, 16); ok {
		all = append(all, n.Text(10))
	}
	return all
}
