package account

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"sipward/internal/seal"
)

const (
	// AnswerLife is how long the same device gets the same answer to a redemption: its first one may have been lost.
	AnswerLife = 10 * time.Minute
	maxLinks   = 20  // remembered for each account
	maxSteps   = 100 // remembered for each account
	maxOpened  = 20  // previews of a link that are worth a write
)

// ErrGone is the one answer for links that are unknown, expired, used or revoked: nobody learns which.
var ErrGone = errors.New("this link is not valid any more")

// Journal is what happened to an account on its way from invitation to first registration, and the links that lead
// there. It is one record beside the account's, in the same place, so that a redemption changes both or neither.
type Journal struct {
	ID        ID        `json:"id"`
	Links     []Link    `json:"links,omitempty"` // the oldest first
	Steps     []Step    `json:"steps,omitempty"` // the oldest first
	Answer    *Answer   `json:"answer,omitempty"`
	Delivered *Delivery `json:"delivered,omitempty"`
	Awaiting  bool      `json:"awaiting,omitempty"` // activated, but its phone has not registered yet
	Version   uint64    `json:"-"`
}

// Answer is what a redemption gave out, sealed, so that the same device can ask once more.
type Answer struct {
	Link   string    `json:"link"`
	Device string    `json:"device"` // hex SHA-256 of the device's key; empty: nobody can ask again
	Box    seal.Box  `json:"box"`
	Until  time.Time `json:"until"`
}

// Delivery is the configuration that the phone got last.
type Delivery struct {
	Version string    `json:"version"`
	Format  string    `json:"format"`
	At      time.Time `json:"at"`
}

// Step is one line of an account's timeline.
type Step struct {
	At     time.Time `json:"at"`
	Name   StepName  `json:"step"`
	Result string    `json:"result"` // ok, or failed
	Reason string    `json:"reason,omitempty"`
	Detail string    `json:"detail,omitempty"` // channel, platform, format: what makes the step plain
	Link   string    `json:"link_id,omitempty"`
	By     string    `json:"by,omitempty"` // the operator
}

// StepName is a word of the timeline.
type StepName string

// The steps that this record keeps; those of messages (queued, sent, delivered) are the outbox's.
const (
	StepCreated    StepName = "created"
	StepInvited    StepName = "invited"      // a link was made
	StepPreviewed  StepName = "previewed"    // a machine looked at the page
	StepOpened     StepName = "opened"       // a person opened it: "Installation clicked"
	StepRefused    StepName = "refused"      // a redemption that was not let through
	StepRedeemed   StepName = "redeemed"     // the link was used up
	StepActivated  StepName = "activated"    // the account turned active
	StepConfigured StepName = "configured"   // the phone fetched its configuration
	StepRevoked    StepName = "link_revoked" // by an operator or by a newer link
	StepRegistered StepName = "registered"   // the phone registered for the first time
)

// Note adds a step; the oldest go when there are too many.
func (j *Journal) Note(s Step) {
	if s.Result == "" {
		s.Result = "ok"
	}
	j.Steps = append(slices.Clone(j.Steps), s)
	if over := len(j.Steps) - maxSteps; over > 0 {
		j.Steps = j.Steps[over:]
	}
}

// AddLink makes a link and revokes the living ones of the same purpose, so that only the last one sent is good.
func (j *Journal) AddLink(l Link, now time.Time) Link {
	for _, old := range j.RevokeLinks(l.Purpose, "", now) {
		if l.Purpose == ToConfigure {
			continue // nobody was sent it
		}
		j.Note(Step{At: now, Name: StepRevoked, Detail: "by a newer link", Link: old, By: l.By})
	}
	for _, old := range j.Links {
		if old.Purpose == l.Purpose {
			l.Generation = max(l.Generation, old.Generation)
		}
	}
	if l.ID == "" {
		l.ID = strings.ToLower(rand.Text()[:12])
	}
	l.Generation++
	l.Created = now
	j.Links = append(slices.Clone(j.Links), l)
	if over := len(j.Links) - maxLinks; over > 0 {
		j.Links = j.Links[over:]
	}
	return l
}

// RevokeLinks revokes the living links of a purpose, or the one with an id, and names those it found.
func (j *Journal) RevokeLinks(p Purpose, id string, now time.Time) (ids []string) {
	j.Links = slices.Clone(j.Links)
	for i := range j.Links {
		l := &j.Links[i]
		if (p == "" || l.Purpose == p) && (id == "" || l.ID == id) && l.State(now) == LinkLive {
			l.Revoked = now
			ids = append(ids, l.ID)
		}
	}
	return ids
}

// Link finds a link by the hash of its token, whatever its state, for one purpose. The pointer is into j.
func (j *Journal) Link(hash [32]byte, p Purpose) *Link {
	j.Links = slices.Clone(j.Links)
	text := HashText(hash)
	for i := range j.Links {
		if j.Links[i].Purpose == p && subtle.ConstantTimeCompare([]byte(j.Links[i].Hash), []byte(text)) == 1 {
			return &j.Links[i]
		}
	}
	return nil
}

// Open counts a look at the page behind a link; machine tells previews from people. It reports whether there was
// anything to write down.
func (j *Journal) Open(hash [32]byte, p Purpose, machine bool, platform string, now time.Time) bool {
	l := j.Link(hash, p)
	switch {
	case l == nil:
		return false
	case machine && l.Previews >= maxOpened, !machine && !l.Opened.IsZero():
		return false
	case machine:
		if l.Previews++; l.Previews == 1 {
			j.Note(Step{At: now, Name: StepPreviewed, Detail: string(p) + ", by a machine", Link: l.ID})
		}
	default:
		l.Opened = now
		j.Note(Step{At: now, Name: StepOpened, Detail: string(p) + " on " + platform, Link: l.ID})
	}
	return true
}

// Spend uses a link once, or returns ErrGone.
func (j *Journal) Spend(hash [32]byte, p Purpose, now time.Time) (Link, error) {
	l := j.Link(hash, p)
	if l == nil || l.State(now) != LinkLive {
		return Link{}, ErrGone
	}
	l.Used++
	l.Spent = now
	return *l, nil
}

// Repeat finds the answer that the same device got from the same link a moment ago.
func (j *Journal) Repeat(hash [32]byte, device string, now time.Time) (Answer, bool) {
	l := j.Link(hash, ToActivate)
	if l == nil || j.Answer == nil || device == "" || j.Answer.Device == "" || j.Answer.Link != l.ID || !now.Before(j.Answer.Until) {
		return Answer{}, false
	}
	if subtle.ConstantTimeCompare([]byte(j.Answer.Device), []byte(DeviceKey(device))) != 1 {
		return Answer{}, false
	}
	return *j.Answer, true
}

// DeviceKey is how the key by which a device is recognised is stored: the key itself is not.
func DeviceKey(key string) string {
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
