package provisioning

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"sipward/internal/account"
	"sipward/internal/web"
)

const (
	maxImport = 256 << 20 // bytes of a file
	maxRows   = 1_000_000
	maxRow    = 16 << 10 // bytes of a row: all its cells at their longest, in the longest letters
	maxFaults = 1000     // told of one file; the mends of the first thousand mend the rest
)

// columns is the header of the file, exactly.
func columns() []string {
	return []string{"fullName", "gsmNumber", "email", "securityModel", "description"}
}

// row is one account to be made.
type row struct {
	line int // in the file, the header is 1
	n    int // of the rows, from 0
	acc  account.Account
}

// batchFaults collects what is wrong: the first ones, and how many there are.
type batchFaults struct {
	list []account.RowFault
	all  int
}

func (f *batchFaults) add(line int, column, code, message string) {
	if f.all++; len(f.list) < maxFaults {
		f.list = append(f.list, account.RowFault{Row: line, Column: column, Code: code, Message: message})
	}
}

// rowReader reads a file row by row: UTF-8 with or without a byte order mark, separated by , or ;, quoted as RFC 4180
// says. It tells all faults; only a broken quote ends it early, for behind one nothing is certain.
type rowReader struct {
	csv    *csv.Reader
	fuse   *fuse
	faults *batchFaults
	twice  map[uint64]uint32 // the numbers that the file has more than once, and the line of the first one once it was read
}

// openRows reads the head of a file and its header; nil and a fault when that is wrong.
func openRows(file io.ReaderAt, size int64, faults *batchFaults) (*rowReader, error) {
	head := make([]byte, 1024)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head = head[:n]
	start := int64(len(head) - len(bytes.TrimPrefix(head, []byte("\ufeff"))))
	r := &rowReader{fuse: &fuse{r: io.NewSectionReader(file, start, size-start)}, faults: faults}
	r.csv = csv.NewReader(r.fuse)
	r.csv.FieldsPerRecord, r.csv.ReuseRecord = -1, true
	if first, _, _ := bytes.Cut(head, []byte("\n")); bytes.Contains(first, []byte(";")) {
		r.csv.Comma = ';'
	}
	if header, _, err := r.next(); err != nil || !slices.Equal(header, columns()) {
		faults.add(1, "", "header", "the first line must be exactly "+strings.Join(columns(), ",")+" (or with ; between), in UTF-8")
		return nil, nil
	}
	return r, nil
}

// eachRow hands every row without a fault of its own to f, in order, and returns how many rows there are. Rows share
// nothing with each other: what f keeps is its own.
func eachRow(file io.ReaderAt, size int64, faults *batchFaults, twice map[uint64]uint32, f func(row) error) (rows int, err error) {
	r, err := openRows(file, size, faults)
	if r == nil {
		return 0, err
	}
	r.twice = twice
	return r.each(f)
}

// repeats finds the numbers that stand in a file more than once: a reading of its own, for the numbers of a million rows
// fit into 8 MB when they may be sorted, and not when each must be found again.
func repeats(file io.ReaderAt, size int64) (map[uint64]uint32, error) {
	r, err := openRows(file, size, &batchFaults{})
	if r == nil {
		return nil, err
	}
	var keys []uint64
	for len(keys) < maxRows {
		cells, _, err := r.next()
		if err != nil {
			break // told by the reading that counts
		}
		if len(cells) == len(columns()) {
			if n, err := account.ParseNumber(web.Unguarded(strings.TrimSpace(cells[1]))); err == nil {
				keys = append(keys, keyOf(n))
			}
		}
	}
	slices.Sort(keys)
	twice := map[uint64]uint32{}
	for i := 1; i < len(keys); i++ {
		if keys[i] == keys[i-1] {
			twice[keys[i]] = 0
		}
	}
	return twice, nil
}

func (r *rowReader) each(f func(row) error) (rows int, err error) {
	for {
		cells, line, err := r.next()
		if err != nil {
			return rows, r.end(rows, err)
		}
		if rows == maxRows {
			r.faults.add(line, "", "rows", fmt.Sprintf("the file has more than %d rows: split it", maxRows))
			return rows, nil
		}
		if x, ok := r.parse(line, cells); ok {
			x.n = rows
			if err := f(x); err != nil {
				return rows, err
			}
		}
		rows++
	}
}

// next reads one row.
func (r *rowReader) next() (cells []string, line int, err error) {
	r.fuse.left = maxRow
	if cells, err = r.csv.Read(); err == nil {
		line, _ = r.csv.FieldPos(0)
	}
	return cells, line, err
}

// end says why there are no more rows; the error is one of reading the file.
func (r *rowReader) end(rows int, err error) error {
	var broken *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		if rows == 0 {
			r.faults.add(2, "", "empty", "the file has no rows")
		}
	case errors.Is(err, errLongRow):
		r.faults.add(rows+2, "", "long", fmt.Sprintf("is longer than %d bytes, perhaps for a quote that is not closed; what follows was not read", maxRow))
	case errors.As(err, &broken):
		r.faults.add(broken.Line, "", "quotes", fmt.Sprintf("character %d: a quoted cell must be closed, and a quote in it doubled; what follows was not read", broken.Column))
	default:
		return err
	}
	return nil
}

func (r *rowReader) parse(line int, cells []string) (row, bool) {
	if len(cells) != len(columns()) {
		r.faults.add(line, "", "cells", fmt.Sprintf("has %d cells instead of %d: quote a cell that holds the separator", len(cells), len(columns())))
		return row{}, false
	}
	for i := range cells {
		if !utf8.ValidString(cells[i]) {
			r.faults.add(line, columns()[i], "encoding", "is not UTF-8: save the file as CSV UTF-8")
			return row{}, false
		}
		cells[i] = web.Unguarded(strings.TrimSpace(cells[i]))
	}
	set := func(s string) web.Opt[string] { return web.Opt[string]{Set: s != "", Value: strings.Clone(s)} }
	b := accountBody{Owner: set(cells[0]), Number: set(cells[1]), Email: set(cells[2]), Security: set(cells[3]), Description: set(cells[4])}
	acc := defaults()
	acc.Way = account.Batch
	var faults web.Faults
	b.apply(&acc, &faults)
	for _, x := range faults {
		r.faults.add(line, columnOf(x.Pointer), x.Code, x.Message)
	}
	return row{line: line, acc: acc}, !r.repeated(line, acc.Number) && len(faults) == 0
}

// repeated says whether the file has had this number before, and notes the fault.
func (r *rowReader) repeated(line int, n account.Number) bool {
	key := keyOf(n)
	before, twice := r.twice[key]
	if !twice {
		return false
	}
	if before == 0 {
		r.twice[key] = uint32(line)
		return false
	}
	r.faults.add(line, "gsmNumber", "repeated", fmt.Sprintf("is also in row %d: every number belongs to one account", before))
	return true
}

// keyOf is a number as one integer. The 1 in front keeps leading zeros
// apart, the lowest bit the plus.
func keyOf(n account.Number) uint64 {
	key, plus := uint64(1), uint64(0)
	for _, c := range n {
		if c == '+' {
			plus = 1
			continue
		}
		key = key*10 + uint64(c-'0')
	}
	return key<<1 | plus
}

// columnOf names the column of a field of the API.
func columnOf(pointer string) string {
	switch pointer {
	case "/owner":
		return "fullName"
	case "/number":
		return "gsmNumber"
	case "/security_model":
		return "securityModel"
	}
	return strings.TrimPrefix(pointer, "/")
}
