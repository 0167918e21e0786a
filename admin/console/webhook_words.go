package console

// subject is what a receiver can be told of.
type subject struct{ Name, Word, What string }

// subjects are the topics of the API, as people say them.
var subjects = []subject{
	{"account", say("Accounts"), say("Made, changed, disabled, enabled, deleted.")},
	{"timeline", say("Stories of accounts"), say("Messages sent, links opened, activation, first registration.")},
	{"licence", say("Licences"), say("One ends soon, or has ended.")},
	{"parcel", say("Secure messages"), say("One was accepted for an account.")},
	{"clip", say("Announcements"), say("Replaced, or brought back.")},
	{"org", say("Organisation"), say("Groups, profiles, desk phones, operators, tokens, webhooks, messages, imports.")},
}

// hookMends are what to do about a delivery that failed, by its cause.
var hookMends = map[string]string{
	"address":     say("The address leads to this machine or a private network. List the network in http.egress_allow if that is meant, else change the address."),
	"name":        say("The name in the address is not found. Correct the address, or the server's DNS."),
	"connection":  say("Nobody takes the connection. Start the receiver, or open its firewall to this server."),
	"timeout":     say("No answer within 5 seconds. Let the receiver answer first and work afterwards."),
	"certificate": say("The receiver's certificate is not trusted. Give it a valid one, with its whole chain."),
}

// Mend is what failed and what to do about it, in one line to be translated; "" when there is nothing to say.
func (d delivery) Mend() string {
	if d.Cause != "answer" {
		return hookMends[d.Cause]
	}
	switch {
	case d.Code/100 == 3:
		return say("The receiver points elsewhere, and redirects are not followed. Enter the final address.")
	case d.Code == 401 || d.Code == 403:
		return say("The receiver refuses us. Check that it knows the secret in use and wants no other sign-in.")
	case d.Code == 404 || d.Code == 405 || d.Code == 410:
		return say("The receiver does not know this path. Correct the address.")
	case d.Code/100 == 5:
		return say("The receiver failed. Look into its log.")
	}
	return say("The receiver does not take the message. Look into its log.")
}

// What the API says of an address that was typed: form.wrong asks for its translation.
var _ = []string{
	say("the address is not allowed: it leads to this machine or a private network (list the network in http.egress_allow when that is meant)"),
	say("must be an address as https://host/path, without a user name"),
	say("must begin with https:// (plain http only to a network in http.egress_allow)"),
}
