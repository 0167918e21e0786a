package console

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"sipward/internal/web"
)

// Config is what the console calls itself.
type Config struct {
	Name    string // the server's name, usually its domain
	Version string // of the program
}

// Deps is what it needs.
type Deps struct {
	API http.Handler // the admin API, whole
	Log *slog.Logger
	Now func() time.Time
}

// Console serves the pages.
type Console struct {
	Config
	Deps
	pages  map[string]*book // by language; static after construction
	assets *assets
	mux    *http.ServeMux
}

// New reads the embedded templates, texts and assets.
func New(c Config, d Deps) (*Console, error) {
	if d.API == nil || d.Log == nil || d.Now == nil {
		return nil, errors.New("console: every dependency is needed")
	}
	a, err := readAssets()
	if err != nil {
		return nil, err
	}
	books, err := readBooks(a, d.Now)
	if err != nil {
		return nil, err
	}
	k := &Console{Config: c, Deps: d, pages: books, assets: a}
	k.mux = k.routes()
	return k, nil
}

// maxUpload is the largest body a form may send: a WAV file or a CSV.
const maxUpload = 17 << 20 // bytes

// Routes is one line a method: the pages have a table of their own. Nobody is refused here, for the API asks everyone
// who they are.
func (c *Console) Routes() []web.Route {
	serve := web.Plain(c.mux.ServeHTTP)
	return []web.Route{
		{Method: http.MethodGet, Path: "/*page", Role: web.Public, Handle: serve},
		{Method: http.MethodPost, Path: "/*page", Role: web.Public, Long: true, MaxBody: maxUpload, Handle: serve},
	}
}
