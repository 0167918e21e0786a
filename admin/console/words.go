package console

// The words of the API, as people say them; what is not here is shown as it is.

// stateOf is the tone and the word of an account's state.
func stateOf(s string) map[string]string {
	switch s {
	case "active":
		return map[string]string{"Tone": "ok", "Word": say("Active")}
	case "pending":
		return map[string]string{"Tone": "warn", "Word": say("Waiting for activation")}
	case "disabled":
		return map[string]string{"Tone": "bad", "Word": say("Disabled")}
	}
	return map[string]string{"Tone": "", "Word": s}
}

// toned is a word with its tone.
type toned struct{ Tone, Word string }

// human are the tones and words of everything that has a status.
var human = map[string]toned{
	"ANSWERED": {"ok", say("answered")}, "NO_ANSWER": {"warn", say("no answer")}, "BUSY": {"warn", say("busy")}, "FAILED": {"bad", say("failed")},
	"CANCELLED": {"", say("cancelled")}, "ANNOUNCED": {"brand-tone", say("announcement played")},

	"queued": {"", say("queued")}, "sending": {"brand-tone", say("sending")}, "sent": {"brand-tone", say("sent")}, "delivered": {"ok", say("delivered")},
	"undelivered": {"bad", say("not delivered")}, "failed": {"bad", say("failed")}, "expired": {"warn", say("expired")}, "rejected": {"bad", say("rejected")},
	"unknown": {"", say("unknown")},

	"waiting": {"brand-tone", say("waiting")},

	"live": {"brand-tone", say("valid")}, "used": {"ok", say("used")}, "revoked": {"", say("revoked")},

	"fresh": {"ok", say("fresh")}, "stale": {"brand-tone", say("due for renewal")}, "grace": {"warn", say("on grace")}, "ended": {"bad", say("ended")},

	"CONNECT": {"", say("connected")}, "REGISTER": {"ok", say("registered")}, "UNREGISTER": {"", say("signed off")}, "DISCONNECT": {"", say("disconnected")},

	"SUCCESS": {"ok", say("signed in")}, "FAILURE": {"bad", say("wrong name or password")}, "LOCKED": {"bad", say("locked for a while")}, "WRONG_CODE": {"bad", say("wrong code")},
	"SIGN_OUT": {"", say("signed out")}, "REPLACED": {"", say("replaced by a newer session")}, "ENDED": {"", say("ended by a superadmin")}, "SET_UP": {"ok", say("password set by link")},
	"FACTOR_ADDED": {"ok", say("second factor added")}, "FACTOR_REMOVED": {"warn", say("second factor removed")},

	"denied": {"bad", say("denied")}, "read": {"", say("read")}, "create": {"", say("made")}, "update": {"", say("changed")}, "delete": {"", say("deleted")},

	"shipped": {"", say("shipped")}, "uploaded": {"brand-tone", say("uploaded")}, "running": {"brand-tone", say("running")}, "done": {"ok", say("done")},
	"ok": {"ok", say("works")}, "failing": {"bad", say("fails")},
}

func humanOf(s string) toned {
	if t, ok := human[s]; ok {
		return t
	}
	return toned{"", s}
}

// steps are the words of an account's story.
var steps = map[string]string{
	"created": say("Account created"), "invited": say("Message made"), "queued": say("Message queued"), "sent": say("Message sent"), "delivered": say("Message delivered"),
	"previewed": say("Looked at by a machine"), "opened": say("Link opened (Installation clicked)"), "redeemed": say("Link redeemed"), "activated": say("Activated"),
	"configured": say("Configuration delivered"), "registered": say("First registration"), "refused": say("Refused"), "link_revoked": say("Link revoked"),
	"failed": say("Message failed"), "expired": say("Message expired"), "undelivered": say("Message not delivered"), "rejected": say("Message rejected"),
}

func stepOf(s string) string {
	if w, ok := steps[s]; ok {
		return w
	}
	return s
}

// settingNames are the client settings of a profile.
var settingNames = []struct{ Name, Word, Kind string }{
	{"oem_licence_code", say("Licence code"), "text"}, {"support_phone", say("Support phone"), "tel"}, {"support_email", say("Support e-mail"), "email"},
	{"logging", say("Client keeps a log"), "bool"}, {"read_only_settings", say("Settings are read-only"), "bool"}, {"messaging", say("Secure messages"), "bool"},
	{"pin_forced", say("PIN is mandatory"), "bool"}, {"pin_idle_minutes", say("PIN after idle minutes"), "number"},
	{"pin_attempts", say("PIN attempts before the lock"), "number"}, {"pin_lock_minutes", say("Minutes locked"), "number"},
	{"devices", say("Devices of an account"), "number"},
}

// origins are the layers of the cascade.
var originWords = map[string]string{
	"server": say("server"), "group": say("group's profile"), "account": say("account's profile"), "profile": say("this profile"),
}

// roles are what an operator may do.
var roles = []struct{ Name, Word, What string }{
	{"superadmin", say("superadmin"), say("Everything, operators and tokens too.")},
	{"admin", say("admin"), say("Accounts, groups, profiles, announcements.")},
	{"operator", say("operator"), say("Creates accounts, sends messages, disables and enables.")},
	{"auditor", say("auditor"), say("Reads everything, changes nothing.")},
}
