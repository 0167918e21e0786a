package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

// htmx.min.js is htmx 2.0.11 (BSD-0-Clause, see htmx.LICENSE); the rest is ours.
//
//go:embed static
var staticFiles embed.FS

// asset is a file that browsers keep for ever: its address changes with its bytes.
type asset struct {
	body []byte
	kind string
	hash string
}

type assets struct{ files map[string]asset }

func readAssets() (*assets, error) {
	a := &assets{files: map[string]asset{}}
	return a, fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := staticFiles.ReadFile(name)
		sum := sha256.Sum256(b)
		kind := mime.TypeByExtension(path.Ext(name))
		if kind == "" {
			kind = "text/plain; charset=utf-8"
		}
		a.files[path.Base(name)] = asset{body: b, kind: kind, hash: hex.EncodeToString(sum[:8])}
		return err
	})
}

// url is the address of a file.
func (a *assets) url(name string) string { return "/static/" + a.files[name].hash + "/" + name }

// serve answers for /static/{hash}/{name}.
func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	f, ok := a.files[r.PathValue("name")]
	if !ok || r.PathValue("hash") != f.hash {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(f.body) // the browser has gone: nothing to do
}
