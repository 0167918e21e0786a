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
	maxImport = 8 << 20 // bytes of a file
	maxRows   = 10_000
	maxFaults = 1000 // told of one file; the mends of the first thousand mend the rest
)

// columns is the header of the file, exactly (PRODUCT.md section 2).
func columns() []string {
	return []string{"fullName", "gsmNumber", "email", "securityModel", "description"}
}

// row is one account to be made.
type row struct {
	line int
	acc  account.Account
}

// batchFaults collects what is wrong, bounded.
type batchFaults []account.RowFault

func (f *batchFaults) add(line int, column, code, message string) {
	if len(*f) < maxFaults {
		*f = append(*f, account.RowFault{Row: line, Column: column, Code: code, Message: message})
	}
}

// parseBatch reads a file: UTF-8 with or without a byte order mark, separated by , or ;, quoted as RFC 4180 says. It
// tells all faults; only a broken quote ends it early, for behind one nothing is certain.
func parseBatch(file []byte) (rows []row, f batchFaults) {
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	if !utf8.Valid(file) {
		f.add(1, "", "encoding", "the file is not UTF-8: save it as CSV UTF-8")
		return nil, f
	}
	first, _, _ := bytes.Cut(file, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(file))
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	if bytes.Contains(first, []byte(";")) {
		r.Comma = ';'
	}
	header, err := r.Read()
	if err != nil || !slices.Equal(header, columns()) {
		f.add(1, "", "header", "the first line must be exactly "+strings.Join(columns(), ",")+" (or with ; between)")
		return nil, f
	}
	seen := map[account.Number]int{}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			f.add(broken.Line, "", "quotes", fmt.Sprintf("character %d: a quoted cell must be closed, and a quote in it doubled; what follows was not read", broken.Column))
			return rows, f
		}
		line, _ := r.FieldPos(0)
		if len(rows) == maxRows {
			f.add(line, "", "rows", fmt.Sprintf("the file has more than %d rows: split it", maxRows))
			return rows, f
		}
		if x, ok := parseRow(line, cells, seen, &f); ok {
			rows = append(rows, x)
		}
	}
	if len(rows) == 0 && len(f) == 0 {
		f.add(2, "", "empty", "the file has no rows")
	}
	return rows, f
}

func parseRow(line int, cells []string, seen map[account.Number]int, f *batchFaults) (row, bool) {
	if len(cells) != len(columns()) {
		f.add(line, "", "cells", fmt.Sprintf("has %d cells instead of %d: quote a cell that holds the separator", len(cells), len(columns())))
		return row{}, false
	}
	for i := range cells {
		cells[i] = unguard(strings.TrimSpace(cells[i]))
	}
	set := func(s string) web.Opt[string] { return web.Opt[string]{Set: s != "", Value: strings.Clone(s)} }
	b := accountBody{Owner: set(cells[0]), Number: set(cells[1]), Email: set(cells[2]), Security: set(cells[3]), Description: set(cells[4])}
	acc := defaults()
	acc.Way = account.Batch
	var faults web.Faults
	b.apply(&acc, &faults)
	for _, x := range faults {
		f.add(line, columnOf(x.Pointer), x.Code, x.Message)
	}
	if before, twice := seen[acc.Number]; twice && acc.Number != "" {
		f.add(line, "gsmNumber", "repeated", fmt.Sprintf("is also in row %d: every number belongs to one account", before))
		return row{}, false
	}
	seen[acc.Number] = line
	return row{line, acc}, len(faults) == 0
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

// formula are the characters by which spreadsheets take a cell for a formula.
const formula = "=+-@\t\r"

// harmless keeps a cell from being a formula when the file is opened in a spreadsheet.
func harmless(s string) string {
	if s != "" && strings.ContainsRune(formula, rune(s[0])) {
		return "'" + s
	}
	return s
}

// unguard undoes harmless, so that what was exported can be imported.
func unguard(s string) string {
	if len(s) > 1 && s[0] == '\'' && strings.ContainsRune(formula, rune(s[1])) {
		return s[1:]
	}
	return s
}
