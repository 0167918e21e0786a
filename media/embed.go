package media

import (
	"embed"
	"io/fs"
)

//go:embed announcements/*/*.wav
var announcements embed.FS

// Shipped is the file system of the clips in the binary.
func Shipped() fs.FS {
	shipped, err := fs.Sub(announcements, "announcements")
	if err != nil { // only an invalid name can do that
		return announcements
	}
	return shipped
}
