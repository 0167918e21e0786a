package snom

import (
	"context"
	"net/netip"

	"sipward/internal/account"
	"sipward/internal/device"
)

// Facts and Verdict let tests hold the decision table row by row.
type (
	Facts   = facts
	Verdict = verdict
)

// Decide is the decision table.
func Decide(f Facts) Verdict { return decide(f) }

// Rows are the names of its rows.
func Rows() (names []string) {
	for _, r := range table() {
		names = append(names, r.name)
	}
	return names
}

// XML is the document of an account.
func (s *Service) XML(a account.Account, password account.Secret, book []account.Account, keys []device.Key) ([]byte, error) {
	return s.xml(configuration{account: a, password: password, active: true, address: "https://x/p/T/{mac}.xml", admin: "adm", book: book, keys: keys})
}

// Answer counts the packets that a packet is answered with.
func (r *Responder) Answer(ctx context.Context, packet string, from netip.AddrPort) int {
	return len(r.answer(ctx, packet, from))
}
