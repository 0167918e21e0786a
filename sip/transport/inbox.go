package transport

import "sync"

// Sizes of read buffers. An idle connection holds none; a message that needs more than the smallest gets it while it lasts.
const (
	smallInbox  = 4 << 10
	mediumInbox = 16 << 10
)

// inbox is the read buffer of one connection: buf[r:w] is read and not consumed.
type inbox struct {
	buf  []byte
	r, w int
}

// inboxes recycles the buffers of a layer by size.
type inboxes struct {
	small, medium, large sync.Pool
	largest              int
}

func newInboxes(lim *Limits) *inboxes {
	largest := max(lim.HeaderBytes+lim.BodyBytes+smallInbox, mediumInbox)
	alloc := func(n int) func() any { return func() any { b := make([]byte, n); return &b } }
	return &inboxes{
		small: sync.Pool{New: func() any { return new([smallInbox]byte) }}, medium: sync.Pool{New: alloc(mediumInbox)},
		large: sync.Pool{New: alloc(largest)}, largest: largest,
	}
}

// pool is that of the sizes above the smallest.
func (p *inboxes) pool(n int) *sync.Pool {
	if n <= mediumInbox {
		return &p.medium
	}
	return &p.large
}

func (p *inboxes) take(n int) []byte {
	if n <= smallInbox {
		return p.small.Get().(*[smallInbox]byte)[:]
	}
	return *p.pool(n).Get().(*[]byte)
}

func (p *inboxes) put(b []byte) {
	switch {
	case b == nil:
	case len(b) == smallInbox: // as an array, a buffer goes into the pool without a header of its own
		p.small.Put((*[smallInbox]byte)(b))
	default:
		p.pool(len(b)).Put(&b)
	}
}

// unread is what has been read and not consumed.
func (b *inbox) unread() []byte { return b.buf[b.r:b.w] }

// space is where the next read goes: it gives a grown buffer back once it is empty, and grows a full one.
func (b *inbox) space(l *Layer) []byte {
	if b.r == b.w {
		b.r, b.w = 0, 0
		if len(b.buf) != smallInbox {
			b.move(l, smallInbox)
		}
	}
	if b.w == len(b.buf) && b.r > 0 {
		b.w = copy(b.buf, b.buf[b.r:b.w])
		b.r = 0
	}
	if b.w == len(b.buf) {
		b.reserve(l, len(b.buf)+1)
	}
	return b.buf[b.w:]
}

// reserve makes room for n unread bytes in all; n is at most the limits' largest message.
func (b *inbox) reserve(l *Layer, n int) {
	if n > len(b.buf)-b.r {
		b.move(l, n)
	}
}

func (b *inbox) move(l *Layer, n int) {
	next := l.inboxes.take(n)
	w := copy(next, b.buf[b.r:b.w])
	l.inboxes.put(b.buf)
	b.buf, b.r, b.w = next, 0, w
}

// rest gives an empty buffer back.
func (b *inbox) rest(l *Layer) {
	if b.r == b.w {
		b.free(l)
	}
}

func (b *inbox) free(l *Layer) {
	l.inboxes.put(b.buf)
	*b = inbox{}
}
