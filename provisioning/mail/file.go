package mail

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"sipward/internal/message"
)

// File writes every e-mail as an .eml file, for development: it holds what the mailbox would have got, links included.
type File struct{ dir, from string }

// NewFile writes into a folder, which only its owner may read.
func NewFile(dir, from string) *File { return &File{dir: dir, from: from} }

// Name implements the outbox's Sender.
func (*File) Name() string { return "file" }

// Send implements the outbox's Sender.
func (f *File) Send(_ context.Context, m message.Message) ([]string, error) {
	e, err := build(m, f.from, "localhost")
	if err != nil {
		return nil, &message.Failure{Reason: err.Error(), Permanent: true}
	}
	if err := f.write(string(m.ID)+".eml", e.WriteToFile); err != nil {
		return nil, &message.Failure{Reason: fmt.Sprintf("%s cannot be written: check the folder's owner and space", f.dir), Gateway: true}
	}
	return []string{string(m.ID)}, nil
}

func (f *File) write(name string, to func(string) error) error {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(f.dir, name)
	if err := to(path); err != nil {
		return err
	}
	return os.Chmod(path, 0o600)
}
