package header

import "strings"

// Lower is a header's name in lower case, without a copy for the names as nearly everyone writes them: the proxy asks it for
// each header of each message.
func Lower(name string) string {
	if known, ok := lowered(name); ok {
		return known
	}
	return strings.ToLower(name)
}

func lowered(name string) (string, bool) {
	switch name {
	case "Via":
		return "via", true
	case "From":
		return "from", true
	case "To":
		return "to", true
	case "Call-ID":
		return "call-id", true
	case "CSeq":
		return "cseq", true
	case "Contact":
		return "contact", true
	case "Max-Forwards":
		return "max-forwards", true
	case "Max-Breadth":
		return "max-breadth", true
	case "Content-Length":
		return "content-length", true
	case "Content-Type":
		return "content-type", true
	case "Route":
		return "route", true
	case "Record-Route":
		return "record-route", true
	case "Authorization":
		return "authorization", true
	case "Proxy-Authorization":
		return "proxy-authorization", true
	case "User-Agent":
		return "user-agent", true
	case "Server":
		return "server", true
	case "Allow":
		return "allow", true
	case "Supported":
		return "supported", true
	case "Require":
		return "require", true
	case "Expires":
		return "expires", true
	case "Session-Expires":
		return "session-expires", true
	case "Min-SE":
		return "min-se", true
	case "Accept":
		return "accept", true
	case "Date":
		return "date", true
	case "Reason":
		return "reason", true
	case "P-Asserted-Identity":
		return "p-asserted-identity", true
	}
	return "", false
}
