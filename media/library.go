package media

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
)

// Prompt names what a clip says, independent of its language.
type Prompt string

// The prompts that ship with the product.
const (
	AccountDisabled   Prompt = "account-disabled"
	CalleeDisabled    Prompt = "callee-disabled"
	CalleeUnavailable Prompt = "callee-unavailable"
	AccountPending    Prompt = "account-pending"
	NumberUnknown     Prompt = "number-unknown"
	NotReachable      Prompt = "not-reachable"
	LicenceExpired    Prompt = "licence-expired"
)

// Prompts lists all prompts.
func Prompts() []Prompt {
	return []Prompt{AccountDisabled, CalleeDisabled, CalleeUnavailable, AccountPending, NumberUnknown, NotReachable, LicenceExpired}
}

// fallback is the language of a clip that does not exist in the caller's.
const fallback = "en"

// Library finds clips by prompt and language, falling back to English. Safe for concurrent use; Set swaps a clip in
// while others play.
type Library struct {
	loaded map[clipKey]*Clip // static after construction

	mu   sync.RWMutex
	over map[clipKey]*Clip // guarded by mu
}

type clipKey struct {
	lang   string
	prompt Prompt
}

// NewLibrary loads <lang>/<prompt>.wav of every file system given, later ones overriding earlier ones. A file system
// whose root does not exist is an empty one. An error names the file.
func NewLibrary(sources ...fs.FS) (*Library, error) {
	files := make(map[clipKey][]byte)
	for _, source := range sources {
		if err := readClips(files, source); err != nil {
			return nil, err
		}
	}
	loaded, err := loadAll(files)
	if err != nil {
		return nil, err
	}
	return &Library{loaded: loaded, over: make(map[clipKey]*Clip)}, nil
}

// readClips reads before it decodes, so that an overridden clip costs nothing.
func readClips(files map[clipKey][]byte, source fs.FS) error {
	names, err := fs.Glob(source, "*/*.wav")
	if err != nil {
		return fmt.Errorf("list clips: %w", err)
	}
	for _, name := range names {
		prompt := Prompt(strings.TrimSuffix(path.Base(name), ".wav"))
		if !prompt.known() {
			return fmt.Errorf("clip %s: unknown prompt %q: name the file after one of %v", name, prompt, Prompts())
		}
		if files[clipKey{path.Dir(name), prompt}], err = readLimited(source, name); err != nil {
			return fmt.Errorf("clip %s: %w", name, err)
		}
	}
	return nil
}

func readLimited(source fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(source, name)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxWAVBytes {
		return nil, badWAV("larger than %d MiB", maxWAVBytes>>20)
	}
	return fs.ReadFile(source, name)
}

// loadAll decodes in parallel, and leaves encoding to the first time a clip is played: it is the longest step of a start.
func loadAll(files map[clipKey][]byte) (map[clipKey]*Clip, error) {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		faults []error
		out    = make(map[clipKey]*Clip, len(files))
	)
	for key, file := range files {
		wg.Go(func() {
			clip, err := LoadClip(bytes.NewReader(file))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				faults = append(faults, fmt.Errorf("clip %s/%s.wav: %w", key.lang, key.prompt, err))
				return
			}
			out[key] = clip
		})
	}
	wg.Wait()
	return out, errors.Join(faults...)
}

func (p Prompt) known() bool {
	for _, known := range Prompts() {
		if p == known {
			return true
		}
	}
	return false
}

// Clip returns the clip of a prompt in a language, else in English, else nil. A regional language ("de-CH") is its
// language.
func (l *Library) Clip(p Prompt, lang string) *Clip {
	lang = strings.ToLower(lang)
	if i := strings.IndexAny(lang, "-_"); i > 0 {
		lang = lang[:i]
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if c := l.findLocked(clipKey{lang, p}); c != nil {
		return c
	}
	return l.findLocked(clipKey{fallback, p})
}

func (l *Library) findLocked(k clipKey) *Clip {
	if c := l.over[k]; c != nil {
		return c
	}
	return l.loaded[k]
}

// Set replaces one clip; nil takes the override away, so that the one loaded at the start is back.
func (l *Library) Set(p Prompt, lang string, c *Clip) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c == nil {
		delete(l.over, clipKey{lang, p})
		return
	}
	l.over[clipKey{lang, p}] = c
}
