package account

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// NewProfileID returns a fresh random id.
func NewProfileID() ProfileID { return ProfileID(strings.ToLower(rand.Text())) }

// Valid reports whether id has the form of NewProfileID, or is the one that ships with the product.
func (id ProfileID) Valid() bool { return id == DefaultProfile || reID.MatchString(string(id)) }

// Profile is a named template of client settings, for many accounts. Its version rises with every change, and with it
// the version of the configuration of every account that uses it.
type Profile struct {
	ID       ProfileID `json:"id"`
	Name     string    `json:"name"` // unique, 1 to 100 characters
	Settings Settings  `json:"settings"`
	Created  time.Time `json:"created_at"`
	Updated  time.Time `json:"updated_at"`
	Version  uint64    `json:"-"`
}

// Settings are what a client may be told beyond its account; nil leaves a setting to the next layer below. Every field
// is a pointer, so that "not said" differs from "off".
type Settings struct {
	OEMLicence   *string `json:"oem_licence_code,omitempty"`   // used at the first licence activation
	SupportPhone *string `json:"support_phone,omitempty"`      // whom the user calls for help
	SupportEmail *string `json:"support_email,omitempty"`      // where logs and complaints go
	Logging      *bool   `json:"logging,omitempty"`            // the client keeps a log
	ReadOnly     *bool   `json:"read_only_settings,omitempty"` // the user cannot change the client's settings
	Messaging    *bool   `json:"messaging,omitempty"`          // secure messages, where the account has them too
	PINForced    *bool   `json:"pin_forced,omitempty"`         // the operator can force a PIN, never set it
	PINIdle      *int    `json:"pin_idle_minutes,omitempty"`   // idle time before the PIN is asked
	PINAttempts  *int    `json:"pin_attempts,omitempty"`       // failures before the lock
	PINLock      *int    `json:"pin_lock_minutes,omitempty"`   // how long the lock lasts
	Devices      *int    `json:"devices,omitempty"`            // how many installations an account may have; an activation beyond ends the oldest
}

// DefaultSettings are the server's: the lowest layer, in which every setting has a value.
func DefaultSettings() Settings {
	return Settings{
		OEMLicence: new(""), SupportPhone: new(""), SupportEmail: new(""), Logging: new(true), ReadOnly: new(true), Messaging: new(true),
		PINForced: new(false), PINIdle: new(10), PINAttempts: new(5), PINLock: new(1), Devices: new(1),
	}
}

// Values are the settings that say something, by their JSON names.
func (s Settings) Values() map[string]any {
	values := map[string]any{}
	for f, v := range reflect.ValueOf(s).Fields() {
		if !v.IsNil() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			values[name] = v.Elem().Interface()
		}
	}
	return values
}

// Over lays s over below: what s leaves open is as below says.
func (s Settings) Over(below Settings) Settings {
	top, bottom := reflect.ValueOf(&s).Elem(), reflect.ValueOf(below)
	for i := range top.NumField() {
		if top.Field(i).IsNil() {
			top.Field(i).Set(bottom.Field(i))
		}
	}
	return s
}

// The bounds of what a setting may say.
const (
	maxSettingText = 200
	maxSettingInt  = 1440 // a day in minutes
)

// Fault is what is wrong with one setting.
type Fault struct{ Name, Message string }

// Check returns what is wrong, nothing for settings that may be stored.
func (s Settings) Check() (faults []Fault) {
	for f, v := range reflect.ValueOf(s).Fields() {
		if v.IsNil() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch v := v.Elem().Interface().(type) {
		case string:
			if err := CheckText(v, maxSettingText); err != nil {
				faults = append(faults, Fault{name, err.Error()})
			}
		case int:
			if v < 1 || v > maxSettingInt {
				faults = append(faults, Fault{name, fmt.Sprintf("must be 1 to %d", maxSettingInt)})
			}
		}
	}
	return faults
}

// Layer is one level of the cascade.
type Layer struct {
	From     string // "server", "group" or "account"
	Profile  ProfileID
	Settings Settings
}

// Origin is one effective setting and where it comes from.
type Origin struct {
	Value   any       `json:"value"`
	From    string    `json:"from"`
	Profile ProfileID `json:"profile_id,omitempty"`
}

// Cascade merges layers, the lowest first, and says of each setting which layer it comes from.
func Cascade(layers ...Layer) (Settings, map[string]Origin) {
	var merged Settings
	origins := map[string]Origin{}
	for _, l := range layers {
		merged = l.Settings.Over(merged)
		for name, value := range l.Settings.Values() {
			origins[name] = Origin{Value: value, From: l.From, Profile: l.Profile}
		}
	}
	return merged, origins
}

// Merge applies a JSON merge patch (RFC 7396) of settings: null takes a setting away, an unknown name is refused.
func (s Settings) Merge(patch map[string]json.RawMessage) (Settings, []Fault) {
	var faults []Fault
	v := reflect.ValueOf(&s).Elem()
	known := map[string]reflect.Value{}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		known[name] = v.Field(i)
	}
	for name, raw := range patch {
		target, ok := known[name]
		if !ok {
			faults = append(faults, Fault{name, "is no setting of a profile: leave it out"})
			continue
		}
		fresh := reflect.New(target.Type()) // never write through a pointer that is shared
		if err := json.Unmarshal(raw, fresh.Interface()); err != nil {
			faults = append(faults, Fault{name, "must be " + kindOf(target.Type().Elem())})
			continue
		}
		target.Set(fresh.Elem())
	}
	return s, append(faults, s.Check()...)
}

func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	}
	return "a string"
}
