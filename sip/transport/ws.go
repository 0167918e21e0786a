package transport

// being added
type frames struct{}

func (s *stream) upgrade() error           { return errNotReady }
func (s *stream) consumeFrames() error     { return errNotReady }
func (s *stream) sendFrame(b []byte) error { return errNotReady }
