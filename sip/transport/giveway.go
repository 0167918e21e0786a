package transport

import (
	"runtime"
	"time"
)

const (
	// standBack is how long the reader of a socket stands back, a processor.
	standBack = time.Millisecond / 2
	// behindBy is how long the oldest packet of a full batch has waited when there is more work than the node can do. A queue
	// of a few milliseconds is that of many who send at once; standing back from that would only leave the processor idle.
	behindBy = 50 * time.Millisecond
)

// behind reports whether the batch that was just worked on had waited for long.
func (s *socket) behind() bool {
	_, _, oob := s.in.packet(0)
	came, ok := arrival(oob)
	return ok && time.Since(came) > behindBy
}

// giveWay lets what has been begun go on before more is begun: the reader of a queue would not stop by itself. Others could run
// meanwhile, but the runtime looks for what the network brought, the store's answers above all, only when nothing else can
// run, or each 10 ms: with one processor they came after their time.
func (s *socket) giveWay() { s.layer.pause(standBack / time.Duration(runtime.GOMAXPROCS(0))) }
