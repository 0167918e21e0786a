package account

import "time"

// ClipFile describes one uploaded announcement; its bytes are kept beside it.
type ClipFile struct {
	Prompt, Language, SHA256 string
	Size                     int           // bytes of the WAV file
	Length                   time.Duration // of the sound; 0: uploaded before it was noted
	Uploaded                 time.Time
	By                       string
	Version                  uint64
}
