package provisioning

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"sipward/internal/web"
)

// spool keeps an upload on disk while it is read, once to check it and once to make its accounts: a file of a million
// rows must not be in memory. Its name is gone before its first byte, so that no crash leaves names and numbers behind.
func spool(dir string, body io.Reader) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".import-*")
	if err == nil {
		err = os.Remove(f.Name())
	}
	if err != nil {
		return nil, noRoom(err)
	}
	_, err = io.Copy(f, body)
	var disk *fs.PathError
	switch {
	case errors.As(err, &disk):
		err = noRoom(err)
	case err != nil:
		err = web.BodyFault(err)
	}
	if err != nil {
		_ = f.Close() // the first error is the one to tell
		return nil, err
	}
	return f, nil
}

func noRoom(err error) error {
	return web.Unavailable("the file cannot be kept while it is read: make room in the data directory, then send it again", err)
}

// fuse blows when a row is longer than any that could be right, so that an unclosed quote does not take the rest of a
// large file into memory. left is set anew for each row.
type fuse struct {
	r    io.Reader
	left int
}

var errLongRow = errors.New("a row is too long")

// Read reads on until the fuse blows.
func (f *fuse) Read(p []byte) (int, error) {
	if f.left <= 0 {
		return 0, errLongRow
	}
	n, err := f.r.Read(p)
	f.left -= n
	return n, err
}

// bits is a set of small numbers: rows of a file, in an eighth of a byte each.
type bits []uint64

func (b *bits) add(n int) {
	for len(*b) <= n/64 {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

func (b bits) has(n int) bool { return n/64 < len(b) && b[n/64]&(1<<(n%64)) != 0 }
