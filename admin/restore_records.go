package admin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"sipward/internal/account"
	"sipward/internal/web"
)

// lacks tells by the error of a look whether the store has no such record; one that is there is left as it is and named.
func (r *restorer) lacks(what string, err error) (bool, error) {
	switch {
	case err == nil:
		return false, r.there(what)
	case !errors.Is(err, account.ErrNotFound):
		return false, err
	}
	return true, nil
}

func (r *restorer) group(g account.Group) error {
	if !g.ID.Valid() || !named(g.Name) || account.CheckText(g.ITEmail, account.MaxEmail) != nil || g.Profile != "" && !g.Profile.Valid() {
		return r.bad("bad_record", "the group's id, name, e-mail address or profile is damaged")
	}
	_, err := r.api.Groups.ByID(r.ctx, g.ID)
	if lacks, err := r.lacks("group "+g.Name, err); !lacks {
		return err
	}
	_, err = r.api.Groups.Create(r.ctx, g)
	return r.wrote(&r.result.Created.Groups, "group "+g.Name, err)
}

func (r *restorer) account(acc account.Account) error {
	if !valid(acc) {
		return r.bad("bad_record", "a member of the account is damaged")
	}
	_, err := r.api.Accounts.ByID(r.ctx, acc.ID)
	if lacks, err := r.lacks("account "+acc.User, err); !lacks {
		return err
	}
	if _, err := r.api.Groups.ByID(r.ctx, acc.Group); err != nil {
		if errors.Is(err, account.ErrNotFound) {
			return r.bad("bad_record", "the account's group is not in the export before it")
		}
		return err
	}
	_, err = r.api.Accounts.Create(r.ctx, acc)
	return r.wrote(&r.result.Created.Accounts, "account "+acc.User, err)
}

// valid keeps out what no other door would let in: keys are built from these.
func valid(acc account.Account) bool {
	if _, err := account.ParseUser(acc.User); err != nil || !acc.ID.Valid() || !acc.Group.Valid() {
		return false
	}
	for _, n := range acc.Numbers() {
		if m, err := account.ParseNumber(string(n)); err != nil || m != n {
			return false
		}
	}
	return acc.Secondary != acc.Number && legible(acc) && acc.Language.Known() && (acc.Profile == "" || acc.Profile.Valid()) &&
		slices.Contains([]account.Kind{account.PGSM, account.SNOM}, acc.Kind) && slices.Contains([]account.Way{account.Plain, account.Wizard}, acc.Way) &&
		slices.Contains([]account.SecurityModel{account.EndToSite, account.EndToEnd}, acc.Security)
}

// legible keeps out texts that the API does not take.
func legible(acc account.Account) bool {
	return account.CheckText(acc.Owner, account.MaxOwner) == nil && account.CheckText(acc.Description, account.MaxDescription) == nil &&
		account.CheckText(acc.Email, account.MaxEmail) == nil
}

// named reports whether a name can be one of a group or profile.
func named(name string) bool {
	return name != "" && strings.TrimSpace(name) == name && account.CheckText(name, 100) == nil
}

func (r *restorer) token(t account.Token) error {
	if t.ID == "" || len(t.Hash) != sha256.Size || !web.Known(t.Role) {
		return r.bad("bad_record", "the token's id, role or hash is damaged")
	}
	if r.tokens[t.ID] {
		return r.there("token " + t.Name)
	}
	_, err := r.api.Tokens.Create(r.ctx, t)
	return r.wrote(&r.result.Created.Tokens, "token "+t.Name, err)
}

func (r *restorer) clip(x exportClip) error {
	name := "clip " + x.Language + "/" + x.Prompt
	if _, ok := r.api.shipped[clipKey{x.Language, x.Prompt}]; !ok {
		return r.bad("bad_record", name+" has a prompt or language that is unknown here")
	}
	_, _, err := r.api.Clips.Get(r.ctx, x.Prompt, x.Language)
	if lacks, err := r.lacks(name, err); !lacks {
		return err
	}
	length, err := r.api.Check(bytes.NewReader(x.WAV))
	if err != nil {
		return r.bad("bad_wav", name+": "+err.Error())
	}
	sum := sha256.Sum256(x.WAV)
	_, err = r.api.Clips.Put(r.ctx, account.ClipFile{
		Prompt: x.Prompt, Language: x.Language, SHA256: hex.EncodeToString(sum[:]), Size: len(x.WAV), Uploaded: x.Uploaded, By: x.By, Length: length,
	}, x.WAV)
	return r.wrote(&r.result.Created.Clips, name, err)
}
