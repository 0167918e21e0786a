package smpp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The commands we know (SMPP 3.4 section 5.1.2.1); an answer has the highest bit set.
const (
	genericNack     uint32 = 0x80000000
	bindTransceiver uint32 = 0x00000009
	submitSM        uint32 = 0x00000004
	deliverSM       uint32 = 0x00000005
	unbind          uint32 = 0x00000006
	enquireLink     uint32 = 0x00000015
	answer          uint32 = 0x80000000
)

// The optional parameters we know (section 5.3.2).
const (
	tagReceiptedID  uint16 = 0x001E
	tagMessageState uint16 = 0x0427
	tagPayload      uint16 = 0x0424
	tagSARReference uint16 = 0x020C
	tagSARTotal     uint16 = 0x020E
	tagSARSequence  uint16 = 0x020F
)

const (
	headerSize = 16
	maxPDU     = 64 << 10
)

// pdu is one protocol data unit.
type pdu struct {
	command, status, sequence uint32
	body                      []byte
}

// read reads one PDU; a length that cannot be is the end of the connection.
func read(r io.Reader) (p pdu, err error) {
	var h [headerSize]byte
	if _, err = io.ReadFull(r, h[:]); err != nil {
		return p, err
	}
	n := binary.BigEndian.Uint32(h[:])
	if n < headerSize || n > maxPDU {
		return p, fmt.Errorf("a PDU of %d bytes", n)
	}
	p.command, p.status, p.sequence = binary.BigEndian.Uint32(h[4:]), binary.BigEndian.Uint32(h[8:]), binary.BigEndian.Uint32(h[12:])
	p.body = make([]byte, n-headerSize)
	_, err = io.ReadFull(r, p.body)
	return p, err
}

func (p pdu) bytes() []byte {
	b := make([]byte, 0, headerSize+len(p.body))
	b = binary.BigEndian.AppendUint32(b, uint32(headerSize+len(p.body)))
	b = binary.BigEndian.AppendUint32(b, p.command)
	b = binary.BigEndian.AppendUint32(b, p.status)
	b = binary.BigEndian.AppendUint32(b, p.sequence)
	return append(b, p.body...)
}

// text appends a C-octet string.
func text(b []byte, s string) []byte { return append(append(b, s...), 0) }

func tlv(b []byte, tag uint16, v []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, tag)
	b = binary.BigEndian.AppendUint16(b, uint16(len(v)))
	return append(b, v...)
}

var errShort = errors.New("the PDU ends too early")

// cursor reads a body; the first fault stays.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) text() string {
	i := bytes.IndexByte(c.b, 0)
	if i < 0 {
		c.err = errShort
		return ""
	}
	s := string(c.b[:i])
	c.b = c.b[i+1:]
	return s
}

func (c *cursor) take(n int) []byte {
	if n > len(c.b) {
		c.err = errShort
		return make([]byte, n)
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) octet() byte { return c.take(1)[0] }

// parameters reads the optional ones; what is cut off is left out.
func (c *cursor) parameters() map[uint16][]byte {
	all := map[uint16][]byte{}
	for len(c.b) >= 4 {
		tag, n := binary.BigEndian.Uint16(c.b), int(binary.BigEndian.Uint16(c.b[2:]))
		if n > len(c.b)-4 {
			break
		}
		all[tag] = c.b[4 : 4+n]
		c.b = c.b[4+n:]
	}
	return all
}

// short is a submit_sm or deliver_sm.
type short struct {
	from, to   string
	esm        byte
	coding     byte
	registered byte
	message    []byte
	parameters map[uint16][]byte
}

// parseShort reads the body of a deliver_sm (section 4.6.1).
func parseShort(b []byte) (short, error) {
	c := &cursor{b: b}
	var s short
	c.text() // service_type
	c.take(2)
	s.from = c.text()
	c.take(2)
	s.to = c.text()
	s.esm = c.octet()
	c.take(2) // protocol_id, priority_flag
	c.text()  // schedule_delivery_time
	c.text()  // validity_period
	s.registered = c.octet()
	c.octet() // replace_if_present_flag
	s.coding = c.octet()
	c.octet() // sm_default_msg_id
	s.message = c.take(int(c.octet()))
	if c.err != nil {
		return s, c.err
	}
	s.parameters = c.parameters()
	if len(s.message) == 0 {
		s.message = s.parameters[tagPayload]
	}
	return s, nil
}
