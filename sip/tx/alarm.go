package tx

// alarm is the next moment at which a transaction wants to be woken; one is enough, the transaction knows why.
type alarm struct {
	at   int64 // nanoseconds since the table was made
	slot int   // place in the heap + 1; 0: not set
	who  ringer
}

// ringer is woken by its alarm, without any lock held. It may be woken early or once too often and looks for itself.
type ringer interface{ ring(now int64) }

// alarms is a binary heap, the earliest first. Most alarms are set in the order they are due (fixed delays) and taken
// out long before: both cost next to nothing at the end of the heap.
type alarms []*alarm

func (h *alarms) set(a *alarm, at int64) {
	a.at = at
	if a.slot == 0 {
		*h = append(*h, a)
		a.slot = len(*h)
		h.up(a.slot - 1)
		return
	}
	h.down(h.up(a.slot - 1))
}

func (h *alarms) unset(a *alarm) {
	i := a.slot - 1
	if i < 0 {
		return
	}
	a.slot = 0
	s := *h
	last := len(s) - 1
	if i != last {
		s[i] = s[last]
		s[i].slot = i + 1
	}
	s[last] = nil
	*h = s[:last]
	if i < last {
		h.down(h.up(i))
	}
}

func (h alarms) up(i int) int {
	for i > 0 {
		p := (i - 1) / 2
		if h[p].at <= h[i].at {
			break
		}
		h.swap(i, p)
		i = p
	}
	return i
}

func (h alarms) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(h) {
			return
		}
		if r := c + 1; r < len(h) && h[r].at < h[c].at {
			c = r
		}
		if h[i].at <= h[c].at {
			return
		}
		h.swap(i, c)
		i = c
	}
}

func (h alarms) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].slot, h[j].slot = i+1, j+1
}
