package transport

import (
	"runtime"
	"time"
)

// standBack is how long the reader of a socket stands back after a full batch, a processor: about what it takes to serve one.
const standBack = time.Millisecond

// giveWay lets what has been begun go on before more is begun: behind a full batch there is more, so the reader would not
// stop by itself. Others could run meanwhile, but the runtime looks for what the network brought, the store's answers above
// all, only when nothing else can run, or each 10 ms: with one processor they came after their time.
func (s *socket) giveWay() { s.layer.pause(standBack / time.Duration(runtime.GOMAXPROCS(0))) }
