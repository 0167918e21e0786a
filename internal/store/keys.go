package store

import (
	"strconv"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

// buckets is the number of tags over which accounts are spread. It is part of the format: changing it means an export
// and an import.
const buckets = 64

// keyspace builds the keys that more than one repository uses. A repository's own are spelled at the head of its file and
// nowhere else; the last part of this list names the file. A prefix is the adapter's affair.
//
//	{bNN}acc:<id>            record   account
//	{bNN}loc:<id>            record   its bindings; expires a little after the last of them
//	{bNN}lic:<id>            record   its cached licences
//	{bNN}licfetch:<id>:<p>   record   until when one node fetches, or nobody shall; expires soon
//	{bNN}licwarned:<id>      record   of which end operators were warned; expires
//	{bNN}licences            index    ids of accounts with licences, score: the first end (ms)
//	{bNN}accounts            index    ids of accounts, score: created (ms)
//	{bNN}members:<group>     index    ids of a group's accounts, score: created (ms)
//	{bNN}bound               index    ids of accounts with bindings, score: created (ms)
//	{bNN}unsettled           index    operations whose claims may not be settled yet, score: begun (ms)
//	{bNN}gate:<id>:<nonce>   record   an operation that must not be written any more; expires with its claims
//	{bNN}held                index    user names of deleted accounts, score: held until (ms)
//	{bNN}changes             stream   changes of the bucket's accounts
//	{u:<user>}claim          record   who owns a user name
//	{n:<number>}claim        record   who owns a number
//	{org}group:<id>          record   group               {org}groups   index
//	{org}groupname:<name>    record   group id by name
//	{org}token:<id>          record   API token           {org}tokens   index
//	{org}tokenhash:<hex>     record   token id by hash
//	{org}clip:<lang>/<p>     record   uploaded clip       {org}clips    index
//	{org}wav:<sha256>:<n>    record   1 MiB of its bytes  {org}wavs     index, score: written (ms)
//	{org}changes             stream   changes of groups, tokens and clips
//	{org}identity            record   which store this is; its absence means that the store was emptied
//	{lN}call:<id>            record   an ended call; expires a day after its retention
//	{lN}calls                index    <id>/<account>/<account>, score: begun (ms)
//	{lN}calls:<account>      index    the same, of one account
//	{lN}sess:…               the same for entries of the SIP sessions log
//	{live}call:<node>/<id>   record   a call that is up   {live}calls   index, score: begun (ms)
//	{lN}signin:…             as calls, for the sign-in log
//	{org}rootcheck           record   what tells the cluster's root key from another, and nothing more
//	{keylog}head             record   size and peaks of the log of keys
//	{keylog}entry:<n>        record   its entries          {keylog}node:<l>:<i>  record  hashes of its complete subtrees
//	{keylog}last:<account>   record   the account's last entry
//	{nodes}node:<id>         record   heartbeat           {nodes}nodes  index, score: seen (ms)
//
//	{<tag>}audit…            audited.go
//	{bNN}jnl:…, {bNN}awaiting, {h:<hash>}link     activations.go
//	{bNN}parcel…             parcels.go
//	{bNN}trace…, {org}trace…  traces.go
//	{failures}pair:…         failures.go
//	{hook}…, {org}webhook…   webhooks.go
//	{idem}req:…              replays.go
//	{org}fetch…              fetches.go
//	{org}job:…               jobs.go
//	{org}msg…                outbox_keys.go
//	{org}operator…, {org}firstoperator            operators.go
//	{org}phone…              phones.go
//	{org}profile…            profiles.go
//	{org}session:…, {org}setup:…                  operator_sessions.go
//	{org}waiting…            phones_waiting.go
type keyspace struct {
	bucket [buckets]string // the tags of the buckets
}

// The tags of what is few.
const (
	orgTag  = "org"
	nodeTag = "nodes"

	keylogTag = "keylog"
	liveTag   = "live"
)

func newKeyspace() *keyspace {
	k := &keyspace{}
	for i := range k.bucket {
		k.bucket[i] = "b" + strconv.Itoa(i/10) + strconv.Itoa(i%10)
	}
	return k
}

// bucketOf spreads ids over the buckets by 32-bit FNV-1a.
func bucketOf(id account.ID) int {
	h := uint32(2166136261)
	for i := range len(id) {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return int((h ^ h>>16) % buckets)
}

func (k *keyspace) tag(id account.ID) string { return k.bucket[bucketOf(id)] }

func (k *keyspace) account(id account.ID) kv.Key {
	return kv.Key{Tag: k.tag(id), Name: "acc:" + string(id)}
}

func (k *keyspace) location(id account.ID) kv.Key {
	return kv.Key{Tag: k.tag(id), Name: "loc:" + string(id)}
}

func (k *keyspace) licence(id account.ID) kv.Key {
	return kv.Key{Tag: k.tag(id), Name: "lic:" + string(id)}
}

func (k *keyspace) licenceFetch(id account.ID, product string) kv.Key {
	return kv.Key{Tag: k.tag(id), Name: "licfetch:" + string(id) + ":" + product}
}

func (k *keyspace) licenceWarned(id account.ID) kv.Key {
	return kv.Key{Tag: k.tag(id), Name: "licwarned:" + string(id)}
}

func (k *keyspace) licences(bucket int) kv.Key {
	return kv.Key{Tag: k.bucket[bucket], Name: "licences"}
}

func (k *keyspace) accounts(bucket int) kv.Key {
	return kv.Key{Tag: k.bucket[bucket], Name: "accounts"}
}

func (k *keyspace) members(bucket int, g account.GroupID) kv.Key {
	return kv.Key{Tag: k.bucket[bucket], Name: "members:" + string(g)}
}

func (k *keyspace) bound(bucket int) kv.Key { return kv.Key{Tag: k.bucket[bucket], Name: "bound"} }

func (k *keyspace) unsettled(bucket int) kv.Key {
	return kv.Key{Tag: k.bucket[bucket], Name: "unsettled"}
}

func (k *keyspace) gate(o operation) kv.Key {
	return kv.Key{Tag: k.tag(o.id), Name: "gate:" + string(o.id) + ":" + o.nonce}
}

func (k *keyspace) held(bucket int) kv.Key { return kv.Key{Tag: k.bucket[bucket], Name: "held"} }

func (k *keyspace) changes(bucket int) kv.Key {
	return kv.Key{Tag: k.bucket[bucket], Name: "changes"}
}

// streams are all change streams: the buckets in order, then the one of groups, tokens and clips.
func (k *keyspace) streams() []kv.Key {
	all := make([]kv.Key, 0, buckets+1)
	for b := range k.bucket {
		all = append(all, k.changes(b))
	}
	return append(all, k.orgChanges())
}

// claim is the key of a claimed name, "u:<user>" or "n:<number>".
func (k *keyspace) claim(name string) kv.Key { return kv.Key{Tag: name, Name: "claim"} }

func userClaim(user string) string             { return "u:" + user }
func numberClaim(number account.Number) string { return "n:" + string(number) }

func (k *keyspace) orgKey(name string) kv.Key { return kv.Key{Tag: orgTag, Name: name} }

func (k *keyspace) group(id account.GroupID) kv.Key { return k.orgKey("group:" + string(id)) }
func (k *keyspace) groupName(folded string) kv.Key  { return k.orgKey("groupname:" + folded) }
func (k *keyspace) groups() kv.Key                  { return k.orgKey("groups") }
func (k *keyspace) token(id string) kv.Key          { return k.orgKey("token:" + id) }
func (k *keyspace) tokenHash(hex string) kv.Key     { return k.orgKey("tokenhash:" + hex) }
func (k *keyspace) tokens() kv.Key                  { return k.orgKey("tokens") }
func (k *keyspace) clip(name string) kv.Key         { return k.orgKey("clip:" + name) }
func (k *keyspace) clips() kv.Key                   { return k.orgKey("clips") }
func (k *keyspace) wav(piece string) kv.Key         { return k.orgKey("wav:" + piece) }
func (k *keyspace) wavs() kv.Key                    { return k.orgKey("wavs") }
func (k *keyspace) orgChanges() kv.Key              { return k.orgKey("changes") }
func (k *keyspace) identity() kv.Key                { return k.orgKey("identity") }

func (k *keyspace) heartbeat(id string) kv.Key { return kv.Key{Tag: nodeTag, Name: "node:" + id} }
func (k *keyspace) heartbeats() kv.Key         { return kv.Key{Tag: nodeTag, Name: "nodes"} }

// past names a record of a history; kind is a word of the program.
func (k *keyspace) past(kind string, shard int, id string) kv.Key {
	return kv.Key{Tag: "l" + strconv.Itoa(shard), Name: kind + ":" + id}
}

// pastIndex is the index of a history, of one account or ("") of all.
func (k *keyspace) pastIndex(kind string, shard int, of account.ID) kv.Key {
	name := kind + "s"
	if of != "" {
		name += ":" + string(of)
	}
	return kv.Key{Tag: "l" + strconv.Itoa(shard), Name: name}
}

func (k *keyspace) rootCheck() kv.Key       { return k.orgKey("rootcheck") }
func (k *keyspace) live(name string) kv.Key { return kv.Key{Tag: liveTag, Name: "call:" + name} }
func (k *keyspace) lives() kv.Key           { return kv.Key{Tag: liveTag, Name: "calls"} }

func (k *keyspace) keylog(name string) kv.Key { return kv.Key{Tag: keylogTag, Name: name} }

// plain reports whether s may be part of a key: 1 to 64 letters, digits, and - _ . only.
func plain(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}
