package header

import gosip "github.com/emiago/sipgo/sip"

// Routes are the Route headers that take a request through the proxies of a binding's Path (RFC 3327 section 5.3).
func Routes(path []string) []gosip.Header {
	if len(path) == 0 {
		return nil
	}
	list := make([]gosip.Header, len(path))
	for i, uri := range path {
		list[i] = gosip.NewHeader("Route", uri)
	}
	return list
}
