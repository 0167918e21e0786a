package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"sipward/internal/account"
	"sipward/internal/message"
	"sipward/internal/store/kv"
)

func hashed(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (r *Outbox) key(id message.ID) kv.Key     { return r.c.keys.orgKey("msg:" + string(id)) }
func (r *Outbox) byKey(key string) kv.Key      { return r.c.keys.orgKey("msgkey:" + hashed(key)) }
func (r *Outbox) due(c message.Channel) kv.Key { return r.c.keys.orgKey("msgdue:" + string(c)) }
func (r *Outbox) all() kv.Key                  { return r.c.keys.orgKey("msgs") }
func (r *Outbox) of(a account.ID) kv.Key       { return r.c.keys.orgKey("msgsof:" + string(a)) }
func (r *Outbox) in(s message.Status) kv.Key   { return r.c.keys.orgKey("msgs:" + string(s)) }

func (r *Outbox) ref(driver, id string) kv.Key {
	return r.c.keys.orgKey("msgref:" + hashed(driver, id))
}

func (r *Outbox) early(driver, id string) kv.Key {
	return r.c.keys.orgKey("msgearly:" + hashed(driver, id))
}

func (r *Outbox) to(c message.Channel, to string) kv.Key {
	return r.c.keys.orgKey("msgto:" + hashed(string(c), to))
}

func (r *Outbox) day(c message.Channel, at time.Time) kv.Key {
	return r.c.keys.orgKey("msgday:" + string(c) + ":" + at.UTC().Format(time.DateOnly))
}
