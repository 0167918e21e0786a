package relay

// Port is the RTP port that a side is told to send the line at an index to.
func (c *Call) Port(index int, side Side) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.streams[index].sides[side].lease.Addr().Port())
}
