package kv

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// ID is the position of a stream entry: milliseconds since 1970 when it was appended, and a counter within them. It is
// what Redis calls a stream id, and is written "ms-seq".
type ID struct{ MS, Seq uint64 }

// ParseID reads an id; "" is the zero ID.
func ParseID(s string) (ID, error) {
	if s == "" {
		return ID{}, nil
	}
	left, right, _ := strings.Cut(s, "-")
	if right == "" {
		right = "0"
	}
	ms, err := strconv.ParseUint(left, 10, 64)
	if err != nil {
		return ID{}, fmt.Errorf("%w: stream position %q is not of the form 123-0", ErrInvalid, s)
	}
	seq, err := strconv.ParseUint(right, 10, 64)
	if err != nil {
		return ID{}, fmt.Errorf("%w: stream position %q is not of the form 123-0", ErrInvalid, s)
	}
	return ID{ms, seq}, nil
}

// String is the written form; the zero ID is "".
func (i ID) String() string {
	if i.IsZero() {
		return ""
	}
	b := strconv.AppendUint(make([]byte, 0, 24), i.MS, 10)
	return string(strconv.AppendUint(append(b, '-'), i.Seq, 10))
}

// IsZero tells the position before every entry.
func (i ID) IsZero() bool { return i == ID{} }

// Less tells whether i comes before j.
func (i ID) Less(j ID) bool { return i.MS < j.MS || i.MS == j.MS && i.Seq < j.Seq }

// Next is the id of an entry appended at ms when i is the newest: always later than i, even when the clock went back.
func (i ID) Next(ms uint64) ID {
	if ms > i.MS {
		return ID{MS: ms}
	}
	return ID{i.MS, i.Seq + 1}
}

// Append appends 16 bytes that sort as the ids do.
func (i ID) Append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, i.MS), i.Seq)
}

// DecodeID reads the 16 bytes that Append wrote.
func DecodeID(b []byte) ID {
	return ID{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

// Less tells whether stream id a comes before b; "" comes before all, and something that is no id counts as "".
func Less(a, b string) bool {
	i, _ := ParseID(a)
	j, _ := ParseID(b)
	return i.Less(j)
}
