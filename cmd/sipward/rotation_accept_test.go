//go:build accept

package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sipward/internal/seal"
	"sipward/internal/store/kv/kvtest"
	"sipward/sip/phone"
)

// K5: the root key is changed on two nodes, one after the other, while phones sign in all the time; none fails. A node with
// the old key alone does not start any more.
func TestRootKeyIsChangedUnderLoad(t *testing.T) {
	redis := kvtest.Redis(t).URL()
	first, second := rootText(seal.Root{1}), rootText(seal.Root{2})
	dirs := [2]string{t.TempDir(), t.TempDir()}
	node := func(i int, roots string) *process {
		return spawn(t, dirs[i], redis, "SIPWARD_ROOT_KEY="+roots, "SIPWARD_HTTP_METRICS=127.0.0.1:0", "SIPWARD_NODE_ID="+[]string{"one", "two"}[i])
	}
	nodes := [2]*process{node(0, first), node(1, first)}
	lines := crowd(t, nodes[0], 20000, 50)
	var signedIn int
	var serving atomic.Pointer[process]
	// Every node learns the new key before any seals with it, and forgets the old one when nothing is left under it.
	for _, roots := range []string{first + "," + second, second + "," + first, second} {
		for i := range nodes {
			serving.Store(nodes[1-i])
			ctx, stop := context.WithCancel(t.Context())
			load := make(chan *tally, 1)
			go func() {
				load <- paced(ctx, 50, time.Minute, func(_ context.Context, n int) error {
					p := serving.Load().phoneOf(t, lines[n%len(lines)], func(c *phone.Config) { c.RegID = -1 })
					defer p.Close()
					if err := p.Register(t.Context()); err != nil {
						return err
					}
					return p.Unregister(t.Context())
				})
			}()
			nodes[i].kill()
			nodes[i] = node(i, roots)
			nodes[i].renewed(t)
			stop()
			done := <-load
			signedIn += len(done.took)
			done.none(t, "sign-ins while "+[]string{"one", "two"}[i]+" restarts")
		}
	}
	t.Logf("sign-ins while the root key changed: %d / at least 1", signedIn)
	old := exec.Command(os.Args[0], "serve")
	old.Env = append(nodes[0].cmd.Env, "SIPWARD_ROOT_KEY="+first, "SIPWARD_DATA_DIR="+t.TempDir())
	if out, err := old.CombinedOutput(); err == nil || !strings.Contains(string(out), "root_key is not the one of this store") {
		t.Errorf("a node with the old key alone: %v, %s", err, out)
	}
}

// renewed waits until the node has moved all secrets to its newest key.
func (p *process) renewed(t *testing.T) {
	t.Helper()
	eventually(t, "all secrets are sealed anew", time.Minute, func() bool {
		pending, known := p.gauges(t)["sipward_root_key_renewal_pending"]
		return known && pending == 0
	})
}
