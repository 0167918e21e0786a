package store

import (
	"fmt"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/store/kv"
)

// index moves a message between the indexes, and tells the change.
func (r *Outbox) index(t *kv.Txn, old, m *message.Message) {
	id := string(m.ID)
	if old.Status != m.Status {
		t.Removes = append(t.Removes, kv.IndexRemove{Index: r.in(old.Status), Member: id})
		t.Adds = append(t.Adds, kv.IndexAdd{Index: r.in(m.Status), Member: id, Score: float64(m.Created.UnixMilli())})
		t.Appends = []kv.Append{r.c.orgChange(account.TopicOrg, "message/"+id, old.Version+1, false)}
	}
	switch {
	case m.Due.IsZero() && !old.Due.IsZero():
		t.Removes = append(t.Removes, kv.IndexRemove{Index: r.due(m.Channel), Member: id})
	case !m.Due.IsZero() && !m.Due.Equal(old.Due):
		t.Adds = append(t.Adds, kv.IndexAdd{Index: r.due(m.Channel), Member: id, Score: float64(m.Due.UnixMilli())})
	}
}

// refs are the gateway's ids of a message that was accepted just now.
func (r *Outbox) refs(old, m *message.Message) (puts []kv.Put) {
	if len(old.Parts) > 0 {
		return nil
	}
	seen := map[string]bool{}
	for i, p := range m.Parts {
		if p.ID == "" || seen[p.ID] {
			continue
		}
		seen[p.ID] = true
		puts = append(puts, kv.Put{Key: r.ref(m.Driver, p.ID), Value: fmt.Appendf(nil, "%s/%d", m.ID, i), Expires: r.c.now().Add(keyLife)})
	}
	return puts
}
