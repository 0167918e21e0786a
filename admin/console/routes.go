package console

import "net/http"

// routes is the table of pages.
func (c *Console) routes() *http.ServeMux {
	m := http.NewServeMux()
	in := func(pattern string, p page) { m.HandleFunc(pattern, c.inside(p)) }

	m.HandleFunc("GET /static/{hash}/{name}", c.assets.serve)
	m.HandleFunc("GET /sign-in", c.open(c.signIn))
	m.HandleFunc("POST /sign-in", c.open(c.enter))
	m.HandleFunc("POST /preferences", c.open(c.prefer))
	in("POST /sign-out", c.leave)
	in("GET /events", c.events)
	in("GET /", c.missing)

	in("GET /{$}", func(v *visit) error { return v.to("/accounts") })
	in("GET /accounts", c.accounts)
	in("GET /accounts/{id}", c.account)
	in("GET /accounts/{id}/now", c.accountNow)
	in("GET /accounts/{id}/disable", c.ask("disable"))
	in("POST /accounts/{id}/disable", c.disable)
	in("POST /accounts/{id}/enable", c.enable)
	in("GET /changes/{id}", c.effect)
	return m
}

func (c *Console) missing(v *visit) error {
	return notHere
}
