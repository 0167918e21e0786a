package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"sipward/internal/store/kv"
)

// lockWait is how long Open waits for another process to let go, so that a restart that overlaps by a moment works.
const lockWait = time.Second

// openDB opens the bbolt file, and turns what can be wrong with it into one line that names the mend.
func openDB(dir string) (*bbolt.DB, error) {
	path := filepath.Join(dir, "sipward.db")
	if err := whole(path); err != nil {
		return nil, err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         lockWait,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: 64 << 20, // address space only; saves remapping while the file grows
		NoStatistics:    true,
	})
	switch {
	case err == nil:
		return db, nil
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("store: %s is in use by another process: stop it, or give this node its own data_dir, or set redis.url to share one store", dir)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("store: %s is damaged (%w): restore it from a backup", path, err)
	default:
		return nil, fmt.Errorf("store: cannot open %s: %w", path, describe(err, dir))
	}
}

// The first page of a bbolt file: a header of 16 bytes, then magic, version, page size, flags (4 bytes each), root (16),
// free list (8) and the number of pages in use (8).
const (
	boltMagic     = 0xED0CDAED
	boltMetaSize  = 16 + 64
	boltMagicAt   = 16
	boltPageAt    = 24
	boltInUseAt   = 16 + 40
	boltMinPage   = 512
	boltMaxPage   = 64 << 10
	boltMinPages  = 4
	boltPagesKept = 2 // the two meta pages
)

// whole refuses a file that was cut short: bbolt maps it into memory, and a page behind its end would kill the process.
func whole(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	if need := bytesInUse(f); info.Size() < need {
		return fmt.Errorf("store: %s was cut short: it has %d bytes and needs %d: restore it from a backup", path, info.Size(), need)
	}
	return nil
}

// bytesInUse is what the newest of the two meta pages says the file must hold; a file without one is left to bbolt's own
// checks.
func bytesInUse(f *os.File) int64 {
	var need int64
	page := int64(0)
	for i := range int64(boltPagesKept) {
		var m [boltMetaSize]byte
		if n, _ := f.ReadAt(m[:], i*page); n < len(m) || binary.NativeEndian.Uint32(m[boltMagicAt:]) != boltMagic {
			break
		}
		page = int64(binary.NativeEndian.Uint32(m[boltPageAt:]))
		if page < boltMinPage || page > boltMaxPage {
			break
		}
		pages := max(int64(binary.NativeEndian.Uint64(m[boltInUseAt:])), boltMinPages)
		need = max(need, pages*page)
	}
	return need
}

// Open opens the store in c.Dir, or makes it; it fails with one line that names the mend.
func Open(c Config) (*Store, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: cannot make the directory: %w: set data_dir to one that sipward may write", err)
	}
	db, err := openDB(c.Dir)
	if err != nil {
		return nil, err
	}
	s := newStore(c, db)
	if err := s.recover(); err != nil {
		return nil, errors.Join(err, s.release())
	}
	if err := syncDir(c.Dir); err != nil {
		return nil, errors.Join(err, s.release())
	}
	s.start()
	return s, nil
}

// syncDir makes the files' names durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// recover opens the log and the first bbolt transaction, and brings back what the log holds beyond the file.
func (s *Store) recover() error {
	var err error
	if s.wal, err = openWAL(s.config.Dir, s.config.Fsync == Always); err != nil {
		return err
	}
	if err := s.reload(); err != nil {
		return err
	}
	if s.wal.size > 0 {
		s.tryCheckpoint() // a full disk must not keep the node from starting: it goes on with the log
	}
	if s.state.tx == nil {
		return s.committer.failing
	}
	return nil
}

func (s *Store) reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reloadLocked()
}

// reloadLocked begins a bbolt transaction and applies the log to it: at start, and after a checkpoint that failed. The
// lock is held from the end of the old transaction on, so that no reader finds the store without a state.
func (s *Store) reloadLocked() error {
	s.abandonLocked()
	s.cache.clear()
	if err := s.state.begin(s.db); err != nil {
		return fmt.Errorf("store: %w", describe(err, s.config.Dir))
	}
	cut, err := s.wal.replay(s.state.applied(), func(ops []byte) error {
		return decodeOps(ops, s.state.apply)
	})
	if err != nil {
		s.abandonLocked() // half a replay is not served
		return err
	}
	if cut > 0 {
		s.config.Log.Warn("store: dropped an unfinished write at the end of the log", "bytes", cut, "file", s.wal.path)
	}
	return nil
}

// refused and unavailable wrap a cause in the port's errors.
func refused(err error) error     { return fmt.Errorf("%w: %w", kv.ErrRefused, err) }
func unavailable(err error) error { return fmt.Errorf("%w: %w", kv.ErrUnavailable, err) }
