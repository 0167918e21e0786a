package tx

import gosip "github.com/emiago/sipgo/sip"

// finalPlain is the final answer of a request other than INVITE: told once, its repetitions absorbed for Timer K.
func (c *Client) finalPlain(res *gosip.Response) {
	c.mu.Lock()
	if c.step >= answered {
		c.mu.Unlock()
		return
	}
	c.settleLocked(res.StatusCode, timeI, nil) // K is T4, as I is
	c.mu.Unlock()
	c.linger()
	c.tellLast(res, nil)
}
