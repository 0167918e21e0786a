package link

// TakeFrame handles a frame as if node had sent it.
func (l *Links) TakeFrame(node string, kind byte, body []byte) error {
	return l.take(&conn{links: l, peer: l.peer(node), wake: make(chan struct{}, 1)}, kind, body)
}

// AppendFrame is appendFrame.
func AppendFrame(kind byte, rest []byte, texts ...string) []byte {
	return appendFrame(nil, kind, rest, texts...)[frameHead:]
}
