package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// A frame of the log is [length 4][CRC-32C 4][sequence 8][ops]: the length counts the ops, the checksum covers the
// sequence and the ops. A frame holds the transactions of one batch, so they are found together or not at all.
const frameHeader = 16

// wal is the log: owned by the committer goroutine, but for file.Sync, which the interval fsync calls beside it.
type wal struct {
	file *os.File
	path string
	size int64  // up to here the file holds whole frames
	seq  uint64 // of the newest frame
	crc  *crc32.Table

	strict bool // every frame was synced before the next was begun
}

func openWAL(dir string, strict bool) (*wal, error) {
	path := filepath.Join(dir, "sipward.log")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return &wal{file: f, path: path, crc: crc32.MakeTable(crc32.Castagnoli), strict: strict}, nil
}

// begin starts a frame in b; append fills in its header.
func (w *wal) begin(b []byte) []byte {
	return append(b[:0], make([]byte, frameHeader)...)
}

// append writes a frame begun by begin. When it fails the file is cut back to what it was: nothing of the frame can be
// replayed later.
func (w *wal) append(frame []byte, sync bool) error {
	binary.BigEndian.PutUint32(frame, uint32(len(frame)-frameHeader))
	binary.BigEndian.PutUint64(frame[8:], w.seq+1)
	binary.BigEndian.PutUint32(frame[4:], crc32.Checksum(frame[8:], w.crc))
	_, err := w.file.WriteAt(frame, w.size)
	if err == nil && sync {
		err = w.file.Sync()
	}
	if err != nil {
		return w.undo(err)
	}
	w.seq++
	w.size += int64(len(frame))
	return nil
}

// errUnknown marks a failure after which a frame may or may not be on the disk.
var errUnknown = errors.New("the outcome of the write is unknown")

// undo cuts the unfinished frame off; without that a restart could replay what was refused.
func (w *wal) undo(cause error) error {
	if err := w.file.Truncate(w.size); err != nil {
		return fmt.Errorf("%w: %w", errUnknown, cause)
	}
	return cause
}

// reset empties the log after a checkpoint. A crash before it is harmless: frames at or below the sequence that the
// bbolt file knows are skipped.
func (w *wal) reset() error {
	if err := w.file.Truncate(0); err != nil {
		return err
	}
	w.size = 0
	return nil
}

// replay hands the ops of each frame behind sequence applied to f, and cuts off what a crash left unfinished at the end.
// It returns how many bytes those were.
func (w *wal) replay(applied uint64, f func(ops []byte) error) (int64, error) {
	w.size, w.seq = 0, applied
	var header [frameHeader]byte
	var ops []byte
	for first := true; ; first = false {
		seq, n, ok := w.readHeader(header[:])
		if ok {
			ops = grow(ops, n)
			ok = w.readOps(header[:], ops)
		}
		if !ok && w.strict && w.continues() {
			return 0, fmt.Errorf("store: %s is damaged at byte %d: restore the directory from a backup, or cut the file there to go on without what followed", w.path, w.size)
		}
		if !ok {
			break
		}
		if !first && seq > w.seq+1 {
			break
		}
		if first && seq > applied+1 {
			return 0, fmt.Errorf("store: %s begins at %d but the database ends at %d: restore both files from one backup", w.path, seq, applied)
		}
		w.size += frameHeader + int64(n)
		if seq <= applied {
			continue
		}
		if err := f(ops); err != nil {
			return 0, err
		}
		w.seq = seq
	}
	return w.cut()
}

func (w *wal) readHeader(h []byte) (seq uint64, n int, ok bool) {
	if _, err := w.file.ReadAt(h, w.size); err != nil {
		return 0, 0, false
	}
	n = int(binary.BigEndian.Uint32(h))
	info, err := w.file.Stat()
	if err != nil || w.size+frameHeader+int64(n) > info.Size() {
		return 0, 0, false
	}
	return binary.BigEndian.Uint64(h[8:]), n, true
}

// continues tells whether a whole frame lies somewhere behind the bad one at size. That means damage: a crash spoils the
// last frame only, when each was synced before the next.
func (w *wal) continues() bool {
	info, err := w.file.Stat()
	if err != nil {
		return false
	}
	rest := make([]byte, info.Size()-w.size)
	if _, err := w.file.ReadAt(rest, w.size); err != nil {
		return false
	}
	for i := 1; i+frameHeader <= len(rest); i++ {
		h := rest[i : i+frameHeader]
		seq, n := binary.BigEndian.Uint64(h[8:]), int(binary.BigEndian.Uint32(h))
		if seq > w.seq+1 && seq-w.seq <= uint64(len(rest)) && n <= len(rest)-i-frameHeader && w.sum(h, rest[i+frameHeader:i+frameHeader+n]) {
			return true
		}
	}
	return false
}

func (w *wal) readOps(header, ops []byte) bool {
	if _, err := w.file.ReadAt(ops, w.size+frameHeader); err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	return w.sum(header, ops)
}

// sum tells whether a frame's checksum is right.
func (w *wal) sum(header, ops []byte) bool {
	sum := crc32.Update(crc32.Checksum(header[8:frameHeader], w.crc), w.crc, ops)
	return sum == binary.BigEndian.Uint32(header[4:])
}

// cut drops what follows the last whole frame.
func (w *wal) cut() (int64, error) {
	info, err := w.file.Stat()
	if err != nil {
		return 0, err
	}
	left := info.Size() - w.size
	if left == 0 {
		return 0, nil
	}
	return left, w.file.Truncate(w.size)
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
