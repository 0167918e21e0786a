package admin

import (
	"bufio"
	"io"
)

// lines reads a body line by line; a line longer than maxImportLine is an error.
type lines struct{ s *bufio.Scanner }

func newLines(r io.Reader) lines {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 64<<10), maxImportLine)
	return lines{s}
}

// next is the next line that is not empty, io.EOF after the last; it is valid until the next call.
func (l lines) next() ([]byte, error) {
	for l.s.Scan() {
		if len(l.s.Bytes()) > 0 {
			return l.s.Bytes(), nil
		}
	}
	if err := l.s.Err(); err != nil {
		return nil, err
	}
	return nil, io.EOF
}
