package embedded

import (
	"encoding/binary"
	"errors"
	"math"

	"sipward/internal/store/kv"
)

// kind is what an op does.
type kind byte

const (
	opPut    kind = iota + 1 // key, version, expires, value
	opDelete                 // key
	opAdd                    // key (the index), member, score
	opRemove                 // key, member
	opAppend                 // key (the stream), id, max, value
	opSweep                  // expires (the time of the sweep), max
)

// op is one change, with everything decided: applying the same ops in the same order to the same state gives the same
// state. That is what the log holds.
type op struct {
	kind    kind
	key     kv.Key
	member  string
	score   float64
	version uint64
	expires int64 // Unix milliseconds; 0: never
	id      kv.ID
	max     int
	value   []byte
}

// encode appends an op to b. All fields of all kinds have one layout: most are zero and take one byte.
func (o *op) encode(b []byte) []byte {
	b = append(b, byte(o.kind))
	b = appendText(b, o.key.Tag)
	b = appendText(b, o.key.Name)
	b = appendText(b, o.member)
	b = binary.AppendUvarint(b, math.Float64bits(o.score))
	b = binary.AppendUvarint(b, o.version)
	b = binary.AppendVarint(b, o.expires)
	b = binary.AppendUvarint(b, o.id.MS)
	b = binary.AppendUvarint(b, o.id.Seq)
	b = binary.AppendUvarint(b, uint64(o.max))
	b = binary.AppendUvarint(b, uint64(len(o.value)))
	return append(b, o.value...)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

var errOp = errors.New("store: an entry of the log cannot be read")

// decodeOps reads the ops of one log entry and hands each to f. Values are slices of b.
func decodeOps(b []byte, f func(*op) error) error {
	d := decoder{b: b}
	for len(d.b) > 0 {
		o := d.op()
		if d.bad {
			return errOp
		}
		if err := f(&o); err != nil {
			return err
		}
	}
	return nil
}

// decoder reads fields off the front of b; bad stays set once something did not fit.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) op() op {
	o := op{kind: kind(d.b[0])}
	d.b = d.b[1:]
	o.key = kv.Key{Tag: d.text(), Name: d.text()}
	o.member = d.text()
	o.score = math.Float64frombits(d.uint())
	o.version = d.uint()
	o.expires = d.int()
	o.id = kv.ID{MS: d.uint(), Seq: d.uint()}
	o.max = int(d.uint())
	o.value = d.bytes()
	return o
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	return v * d.skip(n)
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	return v * int64(d.skip(n))
}

// skip drops n bytes and gives 1; when the number did not fit it empties b and gives 0.
func (d *decoder) skip(n int) uint64 {
	if n <= 0 {
		d.b, d.bad = nil, true
		return 0
	}
	d.b = d.b[n:]
	return 1
}

func (d *decoder) bytes() []byte {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.b, d.bad = nil, true
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) text() string { return string(d.bytes()) }
