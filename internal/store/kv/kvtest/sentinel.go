package kvtest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Group is a primary with replicas, watched by sentinels.
type Group struct {
	Primary   *Server
	Replicas  []*Server
	Sentinels []*Server
}

// URL is the group's redis.url.
func (g *Group) URL() string {
	var hosts []string
	for _, s := range g.Sentinels {
		hosts = append(hosts, s.Addr)
	}
	return "redis+sentinel://" + strings.Join(hosts, ",") + "/main"
}

// Sentinel starts a primary, a replica and three sentinels, which call a primary dead after half a second.
func Sentinel(t testing.TB) *Group {
	t.Helper()
	g := &Group{Primary: Redis(t, "--repl-diskless-sync-delay", "0")}
	host, port, _ := net.SplitHostPort(g.Primary.Addr)
	g.Replicas = []*Server{Redis(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")}
	for range 3 {
		g.Sentinels = append(g.Sentinels, sentinel(t, host, port))
	}
	if !Until(startLimit, g.ready) {
		t.Fatal("the sentinels do not see the replica and each other")
	}
	return g
}

func sentinel(t testing.TB, host, port string) *Server {
	t.Helper()
	dir := t.TempDir()
	return start(t, "redis-sentinel", func(own string) []string {
		file := filepath.Join(dir, own+".conf")
		text := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nlogfile %s/log\nsentinel monitor main %s %s 2\n"+
			"sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n", own, dir, dir, host, port)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{file}
	})
}

// ready tells that a failover would work.
func (g *Group) ready() bool {
	for _, s := range g.Sentinels {
		out, err := Do(s.Addr, "SENTINEL", "MASTER", "main")
		if err != nil || !strings.Contains(out, "num-slaves\n1\n") || !strings.Contains(out, "num-other-sentinels\n2\n") {
			return false
		}
	}
	out, err := Do(g.Replicas[0].Addr, "INFO", "replication")
	return err == nil && strings.Contains(out, "master_link_status:up")
}

// Shards are the masters of a cluster.
type Shards []*Server

// URL is the cluster's redis.url.
func (c Shards) URL() string {
	var hosts []string
	for _, s := range c {
		hosts = append(hosts, s.Addr)
	}
	return "redis+cluster://" + strings.Join(hosts, ",")
}

// slots is how many a cluster has.
const slots = 16384

// Cluster starts three masters that share the slots.
func Cluster(t testing.TB) Shards {
	t.Helper()
	const masters = 3
	var c Shards
	var buses []string
	for range masters {
		bus := freePort(t)
		buses = append(buses, bus)
		c = append(c, Redis(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "2000"))
	}
	for i, s := range c {
		s.Do("CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(i*slots/masters), fmt.Sprint((i+1)*slots/masters-1))
		s.Do("CLUSTER", "SET-CONFIG-EPOCH", fmt.Sprint(i+1))
	}
	host, port, _ := net.SplitHostPort(c[0].Addr)
	for _, s := range c[1:] {
		s.Do("CLUSTER", "MEET", host, port, buses[0])
	}
	if !Until(2*startLimit, c.ready) {
		t.Fatal("the cluster does not come up")
	}
	return c
}

func (c Shards) ready() bool {
	for _, s := range c {
		out, err := Do(s.Addr, "CLUSTER", "INFO")
		if err != nil || !strings.Contains(out, "cluster_state:ok") || !strings.Contains(out, fmt.Sprintf("cluster_known_nodes:%d", len(c))) {
			return false
		}
	}
	return true
}

// Blackhole is the address of a listener that takes connections and never says a word.
func Blackhole(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var conns []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			conns = append(conns, c)
		}
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}
