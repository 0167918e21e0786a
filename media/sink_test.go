package media_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// sinkSockets receive what benchmarks send, in a process of their own, so that its work is not counted as ours.
const sinkSockets = 8

func TestMain(m *testing.M) {
	if os.Getenv("MEDIA_TEST_SINK") != "" {
		runSink()
		return
	}
	goleak.VerifyTestMain(m)
}

// sinkReport is what the sink saw.
type sinkReport struct {
	Streams, Packets, Lost int
	P50, P99, P999, Max    time.Duration // deviation of the spacing from 20 ms, by the kernel's arrival times
}

// sink is the parent's view of the child.
type sink struct {
	peers []netip.AddrPort
	stop  func() sinkReport
}

func startSink(t testing.TB) sink {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MEDIA_TEST_SINK=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var s sink
	for range sinkSockets {
		if !lines.Scan() {
			t.Fatal("the sink did not start")
		}
		s.peers = append(s.peers, netip.MustParseAddrPort(lines.Text()))
	}
	stopped := false
	s.stop = func() (r sinkReport) {
		if stopped {
			return r
		}
		stopped = true
		_ = in.Close()
		for lines.Scan() {
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Error(err)
			}
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		return r
	}
	t.Cleanup(func() { s.stop() })
	return s
}

// heard is one stream in the sink.
type heard struct {
	seq  uint16
	at   int64
	lost int
}

func runSink() {
	devs, streams, packets := []time.Duration(nil), map[[2]uint32]*heard{}, 0
	conns := make([]int, sinkSockets)
	for i := range conns {
		// Outside of Go's poller, which would make each packet wake this process at the sender's expense.
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			panic(err)
		}
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20) // when we may
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			panic(err)
		}
		bound, err := unix.Getsockname(fd)
		if err != nil {
			panic(err)
		}
		fmt.Printf("127.0.0.1:%d\n", bound.(*unix.SockaddrInet4).Port)
		conns[i] = fd
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _, _ = bufio.NewReader(os.Stdin).ReadByte() }()
	batch := newBatch()
	see := func(i int) {
		b, oob, port := batch.bufs[i][:batch.msgs[i].n], batch.oobs[i], binary.BigEndian.Uint16(batch.names[i][2:])
		if len(b) < 12 || b[1]&0x7F >= 64 && b[1]&0x7F <= 95 {
			return
		}
		at := int64(binary.NativeEndian.Uint64(oob[16:]))*1e9 + int64(binary.NativeEndian.Uint64(oob[24:]))
		key, seq := [2]uint32{uint32(port), binary.BigEndian.Uint32(b[8:])}, binary.BigEndian.Uint16(b[2:])
		packets++
		h := streams[key]
		if h == nil {
			streams[key] = &heard{seq: seq, at: at}
			return
		}
		h.lost += int(seq - h.seq - 1)
		devs = append(devs, time.Duration(at-h.at-20e6).Abs())
		h.seq, h.at = seq, at
	}
	for tick := time.NewTicker(3 * time.Millisecond); ; <-tick.C {
		for _, c := range conns {
			for n := batch.read(c); n > 0; n = batch.read(c) {
				for i := range n {
					see(i)
				}
			}
		}
		select {
		case <-ended:
			r := sinkReport{Streams: len(streams), Packets: packets}
			for _, h := range streams {
				r.Lost += h.lost
			}
			slices.Sort(devs)
			if n := len(devs); n > 0 {
				r.P50, r.P99, r.P999, r.Max = devs[n/2], devs[n*99/100], devs[n*999/1000], devs[n-1]
			}
			_ = json.NewEncoder(os.Stdout).Encode(r)
			return
		default:
		}
	}
}

// batch receives by recvmmsg, for a receiver that keeps up.
type batch struct {
	msgs  [256]mmsg
	iovs  [256]syscall.Iovec
	bufs  [256][256]byte
	oobs  [256][64]byte
	names [256][28]byte
}

type mmsg struct {
	head syscall.Msghdr
	n    uint32
	_    uint32
}

func newBatch() *batch { return &batch{} }

func (b *batch) read(fd int) int {
	for i := range b.msgs {
		b.iovs[i] = syscall.Iovec{Base: &b.bufs[i][0], Len: 256}
		b.msgs[i].head = syscall.Msghdr{Name: &b.names[i][0], Namelen: 28, Iov: &b.iovs[i], Iovlen: 1, Control: &b.oobs[i][0], Controllen: 64}
	}
	n, _, e := syscall.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.msgs)), 256, unix.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return 0
	}
	return int(n)
}
