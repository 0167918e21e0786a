package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"sipward/internal/account"
	"sipward/internal/store/kv"
)

const (
	// maxClip is the largest WAV file, in bytes.
	maxClip = 16 << 20
	// clipPiece is how many bytes of a clip one record holds, so that no single transaction outlasts the store's timeout.
	clipPiece = 1 << 20
)

// Clips keeps uploaded WAV files, at most 16 MiB each. The bytes are records of their own, named by their hash, written
// before the clip that names them; what no clip names is swept.
type Clips struct{ c *core }

// ClipFile is one upload.
type ClipFile = account.ClipFile

// clipRecord is a clip as it is stored.
type clipRecord struct {
	Name     string    `json:"id"` // "<lang>/<prompt>"
	Prompt   string    `json:"prompt"`
	Language string    `json:"language"`
	SHA256   string    `json:"sha256"`
	Size     int       `json:"size"`
	Uploaded time.Time `json:"uploaded_at"`
	By       string    `json:"by,omitempty"`
	Length   int64     `json:"length_ms,omitempty"`
}

func (r clipRecord) file(version uint64) ClipFile {
	return ClipFile{Prompt: r.Prompt, Language: r.Language, SHA256: r.SHA256, Size: r.Size, Uploaded: r.Uploaded, By: r.By, Version: version,
		Length: time.Duration(r.Length) * time.Millisecond}
}

// pieces are the names of the records of its bytes.
func (r clipRecord) pieces() []string {
	names := make([]string, 0, r.Size/clipPiece+1)
	for i := 0; i*clipPiece < r.Size; i++ {
		names = append(names, r.SHA256+":"+strconv.Itoa(i))
	}
	return names
}

func clipName(prompt, lang string) (string, error) {
	if !plain(prompt) || !plain(lang) {
		return "", fmt.Errorf("clip %s/%s: %w", lang, prompt, account.ErrNotFound)
	}
	return lang + "/" + prompt, nil
}

func (c *core) decodeClip(ctx context.Context, name string, rec kv.Record) (clipRecord, error) {
	if rec.Version == 0 {
		return clipRecord{}, fmt.Errorf("clip %s: %w", name, account.ErrNotFound)
	}
	clip, err := c.clips.decode(name, rec.Value)
	if err != nil {
		c.alarm(ctx, "misfit", c.keys.clip(name), err)
		return clipRecord{}, fmt.Errorf("clip %s: %w", name, err)
	}
	return clip, nil
}

// Put stores an upload and appends a change of TopicClip; Get returns its bytes; Delete brings the shipped clip back.
// Size, SHA256 and an empty Uploaded are filled in.
func (r *Clips) Put(ctx context.Context, f ClipFile, wav []byte) (ClipFile, error) {
	name, err := clipName(f.Prompt, f.Language)
	if err != nil {
		return ClipFile{}, err
	}
	if len(wav) == 0 || len(wav) > maxClip {
		return ClipFile{}, fmt.Errorf("clip %s has %d bytes: a WAV file has at most %d", name, len(wav), maxClip)
	}
	sum := sha256.Sum256(wav)
	clip := clipRecord{Name: name, Prompt: f.Prompt, Language: f.Language, SHA256: hex.EncodeToString(sum[:]), Size: len(wav),
		Uploaded: f.Uploaded.UTC(), By: f.By, Length: f.Length.Milliseconds()}
	if f.Uploaded.IsZero() {
		clip.Uploaded = r.c.now().UTC()
	}
	if err := r.putPieces(ctx, clip, wav); err != nil {
		return ClipFile{}, err
	}
	var version uint64
	err = r.c.retry(ctx, account.ID(name), func(bool) (err error) {
		version, err = r.put(ctx, clip)
		return err
	})
	return clip.file(version), err
}

// putPieces writes the bytes, each piece with its index entry.
func (r *Clips) putPieces(ctx context.Context, clip clipRecord, wav []byte) error {
	i := 0
	for piece := range slices.Chunk(wav, clipPiece) {
		key := r.c.keys.wav(clip.pieces()[i])
		_, err := r.c.kv.Commit(ctx, kv.Txn{
			Tag:  key.Tag,
			Puts: []kv.Put{{Key: key, Value: piece}},
			Adds: []kv.IndexAdd{{Index: r.c.keys.wavs(), Member: clip.pieces()[i], Score: float64(r.c.now().UnixMilli())}},
		})
		if err != nil {
			return err
		}
		i++
	}
	return nil
}

func (r *Clips) put(ctx context.Context, clip clipRecord) (uint64, error) {
	key := r.c.keys.clip(clip.Name)
	rec, err := r.c.read(ctx, key)
	if err != nil {
		return 0, err
	}
	value, err := r.c.clips.encode(&clip, rec.Value)
	if err != nil {
		return 0, err
	}
	_, err = r.c.kv.Commit(ctx, kv.Txn{
		Tag:     key.Tag,
		Checks:  []kv.Check{{Key: key, Version: rec.Version}},
		Puts:    []kv.Put{{Key: key, Value: value}},
		Adds:    []kv.IndexAdd{{Index: r.c.keys.clips(), Member: clip.Name}},
		Appends: []kv.Append{r.c.orgChange(account.TopicClip, clip.Name, rec.Version+1, false)},
	})
	return rec.Version + 1, err
}

// Get returns one upload, account.ErrNotFound.
func (r *Clips) Get(ctx context.Context, prompt, lang string) (ClipFile, []byte, error) {
	name, err := clipName(prompt, lang)
	if err != nil {
		return ClipFile{}, nil, err
	}
	rec, err := r.c.read(ctx, r.c.keys.clip(name))
	if err != nil {
		return ClipFile{}, nil, err
	}
	clip, err := r.c.decodeClip(ctx, name, rec)
	if err != nil {
		return ClipFile{}, nil, err
	}
	wav := make([]byte, 0, clip.Size)
	for _, piece := range clip.pieces() {
		p, err := r.c.read(ctx, r.c.keys.wav(piece))
		if err != nil {
			return ClipFile{}, nil, err
		}
		wav = append(wav, p.Value...)
	}
	if sum := sha256.Sum256(wav); hex.EncodeToString(sum[:]) != clip.SHA256 {
		err := fmt.Errorf("clip %s: %w (its bytes do not have its hash)", name, ErrMisfit)
		r.c.alarm(ctx, "misfit", r.c.keys.clip(name), err)
		return ClipFile{}, nil, err
	}
	return clip.file(rec.Version), wav, nil
}

// List returns all uploads.
func (r *Clips) List(ctx context.Context) ([]ClipFile, error) {
	var files []ClipFile
	err := r.c.eachClip(ctx, func(clip clipRecord, version uint64) { files = append(files, clip.file(version)) })
	return files, err
}

func (c *core) eachClip(ctx context.Context, f func(clipRecord, uint64)) error {
	names, err := c.all(ctx, c.keys.clips())
	if err != nil {
		return err
	}
	keys := make([]kv.Key, len(names))
	for i, n := range names {
		keys[i] = c.keys.clip(n)
	}
	return c.readMany(ctx, keys, func(i int, rec kv.Record) error {
		if clip, err := c.decodeClip(ctx, names[i], rec); err == nil {
			f(clip, rec.Version)
		}
		return nil // deleted meanwhile, or an alarm was raised
	})
}

// Delete removes an upload and appends a change; its bytes go with the sweep, for another clip may have the same.
func (r *Clips) Delete(ctx context.Context, prompt, lang string) error {
	name, err := clipName(prompt, lang)
	if err != nil {
		return err
	}
	return r.c.retry(ctx, account.ID(name), func(bool) error {
		key := r.c.keys.clip(name)
		rec, err := r.c.read(ctx, key)
		if err != nil {
			return err
		}
		if rec.Version == 0 {
			return fmt.Errorf("clip %s: %w", name, account.ErrNotFound)
		}
		_, err = r.c.kv.Commit(ctx, kv.Txn{
			Tag:     key.Tag,
			Checks:  []kv.Check{{Key: key, Version: rec.Version}},
			Deletes: []kv.Key{key},
			Removes: []kv.IndexRemove{{Index: r.c.keys.clips(), Member: name}},
			Appends: []kv.Append{r.c.orgChange(account.TopicClip, name, rec.Version+1, true)},
		})
		return err
	})
}
