package admin

import (
	"context"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

const (
	maxStreams  = 64               // event streams per node
	pingEvery   = 15 * time.Second // below the idle limits of common proxies
	retryStream = time.Second      // before the change stream is asked again after a fault
	eventsScope = "events"
)

// event is one change as the stream tells it. It is a hint: the client reads again what it points to.
type event struct {
	Topic   account.Topic `json:"topic"`
	ID      string        `json:"id"`
	State   account.State `json:"state,omitempty"`
	Deleted bool          `json:"deleted,omitempty"`
	Version uint64        `json:"version"`
	At      time.Time     `json:"at"`
	Change  string        `json:"change,omitempty"` // of an account: ask changes/{change}
}

// events tells changes as they come, from now or from behind Last-Event-ID. An event "reset" says that changes may have
// been missed: read again what you show.
func (a *API) events(c *gin.Context) error {
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		return web.Unavailable("too many event streams are open on this node: close one, or ask another node", nil)
	}
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	from, err := a.startOf(ctx, c.GetHeader("Last-Event-ID"))
	if err != nil {
		return err
	}
	out, err := web.NewStream(c)
	if err != nil {
		return nil // the client has gone
	}
	feed := make(chan news)
	var sources sync.WaitGroup
	sources.Go(func() { a.follow(ctx, from, feed) })
	sources.Go(func() { a.beat(ctx, feed) })
	go func() { // both end with ctx
		sources.Wait()
		close(feed)
	}()
	a.tell(c, out, feed)
	cancel()
	for range feed { // until the followers have returned
	}
	return nil
}

// news is one change, or the word that some were missed.
type news struct {
	change account.Change
	reset  bool
}

func (a *API) startOf(ctx context.Context, last string) (account.Cursor, error) {
	if last == "" {
		return a.Changes.Head(ctx)
	}
	position, err := a.Cursors.Open(eventsScope, last)
	return account.Cursor(position), err
}

// follow reads the change stream until ctx ends; after any fault it starts again at the head and says so.
func (a *API) follow(ctx context.Context, from account.Cursor, feed chan<- news) {
	send := func(n news) bool {
		select {
		case feed <- n:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for ctx.Err() == nil {
		for change, err := range a.Changes.After(ctx, from) {
			if err != nil || !send(news{change: change}) {
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryStream):
		}
		head, err := a.Changes.Head(ctx)
		if err != nil {
			continue
		}
		from = head
		send(news{reset: true})
	}
}

// tell writes until the client leaves, its token dies, or the server drains.
func (a *API) tell(c *gin.Context, out *web.Stream, feed <-chan news) {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	for {
		var err error
		select {
		case <-c.Request.Context().Done():
			return
		case <-web.Draining(c.Request.Context()):
			return
		case <-ping.C:
			if web.StillAdmitted(c) != nil {
				return
			}
			err = out.Ping()
		case n, ok := <-feed:
			if !ok {
				return
			}
			err = a.send(out, n)
		}
		if err != nil {
			return // the client has gone
		}
	}
}

func (a *API) send(out *web.Stream, n news) error {
	if n.reset {
		return out.Send("reset", "", struct{}{})
	}
	e := event{
		Topic: n.change.Topic, ID: n.change.ID, State: n.change.State, Deleted: n.change.Deleted,
		Version: n.change.Version, At: n.change.At.UTC(),
	}
	if e.Topic == account.TopicAccount && !e.Deleted {
		e.Change = web.ChangeID(account.ID(e.ID), e.Version)
	}
	id := ""
	if next := a.Cursors.Seal(eventsScope, string(n.change.Cursor)); next != nil {
		id = *next
	}
	return out.Send(string(e.Topic), id, e)
}
