package smpp_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// smsc is a message centre: it shares no code with the client, and answers as a test decides.
type smsc struct {
	t *testing.T
	l net.Listener

	mu        sync.Mutex
	conn      net.Conn
	got       []submission
	news      chan struct{} // a token for each submission
	status    func(n int) uint32
	id        func(n int) string
	receipts  chan uint32 // statuses of deliver_sm_resp
	binds     int
	refuse    uint32 // of the next binds
	enquiries int
	deaf      bool // answers nothing after the bind
}

type submission struct {
	ton, npi    byte
	from, to    string
	esm, coding byte
	registered  byte
	text        []byte
	sar         map[uint16][]byte
}

func newSMSC(t *testing.T) *smsc {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &smsc{t: t, l: l, news: make(chan struct{}, 1000), receipts: make(chan uint32, 100),
		status: func(int) uint32 { return 0 }, id: func(n int) string { return string(rune('a' + n)) }}
	done := make(chan struct{})
	go func() { defer close(done); s.accept() }()
	t.Cleanup(func() { _ = l.Close(); s.drop(); <-done })
	return s
}

func (s *smsc) accept() {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		c, err := s.l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conn = c
		s.mu.Unlock()
		all.Go(func() { s.serve(c) })
	}
}

// drop cuts the connection, as a centre does that restarts.
func (s *smsc) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

func put(w io.Writer, command, status, sequence uint32, body []byte) {
	b := binary.BigEndian.AppendUint32(nil, uint32(16+len(body)))
	b = binary.BigEndian.AppendUint32(b, command)
	b = binary.BigEndian.AppendUint32(b, status)
	b = binary.BigEndian.AppendUint32(b, sequence)
	_, _ = w.Write(append(b, body...))
}

func (s *smsc) serve(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		h := make([]byte, 16)
		if _, err := io.ReadFull(r, h); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(h)-16)
		if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		command, status, sequence := binary.BigEndian.Uint32(h[4:]), binary.BigEndian.Uint32(h[8:]), binary.BigEndian.Uint32(h[12:])
		s.mu.Lock()
		switch command {
		case 9:
			s.binds++
			put(c, command|1<<31, s.refuse, sequence, []byte("smsc\x00"))
		case 0x15:
			s.enquiries++
			if !s.deaf {
				put(c, command|1<<31, 0, sequence, nil)
			}
		case 6:
			put(c, command|1<<31, 0, sequence, nil)
		case 4:
			n := len(s.got)
			sub := parse(s.t, body)
			code := s.status(n)
			if code == 0 {
				s.got = append(s.got, sub)
			}
			switch {
			case s.deaf:
			case code != 0:
				s.status = func(int) uint32 { return 0 } // once
				put(c, command|1<<31, code, sequence, nil)
			default:
				put(c, command|1<<31, 0, sequence, []byte(s.id(n)+"\x00"))
			}
			s.news <- struct{}{}
		case 5 | 1<<31:
			s.receipts <- status
		}
		s.mu.Unlock()
	}
}

func parse(t *testing.T, b []byte) (s submission) {
	next := func() string {
		i := strings.IndexByte(string(b), 0)
		v := string(b[:i])
		b = b[i+1:]
		return v
	}
	octet := func() byte { v := b[0]; b = b[1:]; return v }
	next()
	s.ton, s.npi = octet(), octet()
	s.from = next()
	if ton, npi := octet(), octet(); ton != 1 || npi != 1 {
		t.Errorf("destination of type %d %d", ton, npi)
	}
	s.to = next()
	s.esm = octet()
	octet()
	octet()
	next()
	next()
	s.registered = octet()
	octet()
	s.coding = octet()
	octet()
	n := int(octet())
	s.text, b = b[:n], b[n:]
	s.sar = map[uint16][]byte{}
	for len(b) > 0 {
		tag, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		s.sar[tag], b = b[4:4+n], b[4+n:]
	}
	return s
}

// deliver sends a deliver_sm.
func (s *smsc) deliver(esm byte, from, text string, tlvs ...byte) {
	b := []byte("\x00\x01\x01" + from + "\x00\x05\x00PGSM\x00")
	b = append(b, esm, 0, 0, 0, 0, 0, 0, 0, 0, byte(len(text)))
	b = append(append(b, text...), tlvs...)
	s.mu.Lock()
	defer s.mu.Unlock()
	put(s.conn, 5, 0, 77, b)
}
