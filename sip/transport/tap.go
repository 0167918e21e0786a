package transport

// Tap is told of every message that goes out, before it does. It must not block and does not keep message.
type Tap func(f *Flow, message []byte)

// Tap has t see what goes out from now on; nil ends it. Without one, sending costs one atomic load more.
func (l *Layer) Tap(t *Tap) { l.tap.Store(t) }

func (f *Flow) tapped(message []byte) {
	if t := f.layer.tap.Load(); t != nil {
		(*t)(f, message)
	}
}
