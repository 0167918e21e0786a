package sms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sipward/internal/message"
)

// File writes every SMS as a JSON line, for development: it holds what the phone would have got, links included.
type File struct {
	path string
	mu   sync.Mutex // one line at a time
}

// NewFile appends to a file, which only its owner may read.
func NewFile(path string) *File { return &File{path: path} }

// Name implements the outbox's Sender.
func (*File) Name() string { return "file" }

// Send implements the outbox's Sender.
func (f *File) Send(_ context.Context, m message.Message) ([]string, error) {
	line, err := json.Marshal(struct {
		At   time.Time `json:"at"`
		ID   string    `json:"id"`
		To   string    `json:"to"`
		Text string    `json:"text"`
	}{time.Now().UTC(), string(m.ID), m.To, m.Content.Text})
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.append(append(line, '\n')); err != nil {
		return nil, &message.Failure{Reason: fmt.Sprintf("%s cannot be written: check the folder's owner and space", f.path), Gateway: true}
	}
	return []string{string(m.ID)}, nil
}

func (f *File) append(line []byte) error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(line)
	return errors.Join(err, file.Close())
}
