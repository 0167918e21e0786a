package registrar

// Followed counts the flows whose end would remove bindings.
func (r *Registrar) Followed() int { return r.flows.len() }

// ParseContact runs the parser of one Contact value.
func ParseContact(v string) (value, uri, instance string, regID int, q float32, err error) {
	c, err := parseContact(v)
	return c.value, c.uri, c.instance, c.regID, c.q, err
}
