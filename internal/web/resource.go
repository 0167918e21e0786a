package web

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Resource is what the handlers of one kind of thing have in common: entity tags, If-Match, Location, the view. How a
// thing is made and changed is its package's; see Create and Edit.
type Resource[T any] struct {
	Path  string                                               // of the collection: /api/v1/groups
	Key   func(T) (id string, version uint64)                  // what its address and its tag are made of
	View  func(T) any                                          // as the API shows it
	Find  func(c *gin.Context) (T, error)                      // the one the request names
	All   func(ctx context.Context) ([]T, error)               // nil: the package has a list of its own, with pages
	Drop  func(ctx context.Context, t T, version uint64) error // version as Match.Version gives it
	Fault func(error) error                                    // puts the noun into the repository's sentinels; nil: none has to
	Query func(c *gin.Context) error                           // checks the list's query; nil: none is looked at
}

func (r Resource[T]) tag(t T) string {
	_, version := r.Key(t)
	return Tag(version)
}

func (r Resource[T]) fault(err error) error {
	if err == nil || r.Fault == nil {
		return err
	}
	return r.Fault(err)
}

// List answers with all of them, on one page: for things of which there are few.
func (r Resource[T]) List(c *gin.Context) error {
	if r.Query != nil {
		if err := r.Query(c); err != nil {
			return err
		}
	}
	all, err := r.All(c.Request.Context())
	if err != nil {
		return err
	}
	list := List[any]{Items: make([]any, 0, len(all))}
	for _, t := range all {
		list.Items = append(list.Items, r.View(t))
	}
	c.JSON(http.StatusOK, list)
	return nil
}

// Show answers with the one that the request names, or 304.
func (r Resource[T]) Show(c *gin.Context) error {
	t, err := r.Find(c)
	if err != nil {
		return r.fault(err)
	}
	return Show(c, r.tag(t), r.View(t))
}

// Delete removes the one that the request names, if it is still the one its If-Match has seen.
func (r Resource[T]) Delete(c *gin.Context) error {
	match, err := IfMatch(c)
	if err != nil {
		return err
	}
	t, err := r.Find(c)
	if err != nil {
		return r.fault(err)
	}
	if err := match.Check(r.tag(t)); err != nil {
		return err
	}
	_, version := r.Key(t)
	if err := r.Drop(c.Request.Context(), t, match.Version(version)); err != nil {
		return r.fault(err)
	}
	c.Status(http.StatusNoContent)
	return nil
}

// Create is the handler that makes a thing of a body. insert returns what it stored, and the view to answer with where
// that shows something this once (nil: the usual one).
func Create[T, B any](r Resource[T], insert func(c *gin.Context, b B) (t T, once any, err error)) Handler {
	return func(c *gin.Context) error {
		var b B
		if err := Bind(c, &b); err != nil {
			return err
		}
		t, once, err := insert(c, b)
		if err != nil {
			return r.fault(err)
		}
		id, version := r.Key(t)
		c.Header("Location", r.Path+"/"+id)
		return Changed(c, http.StatusCreated, Tag(version), r.or(once, t))
	}
}

// Edit is the handler that merges a body into a thing (RFC 7396). update must ask seen about the version it is going to
// change, inside its transaction; once is as in Create.
func Edit[T, B any](r Resource[T], update func(c *gin.Context, b B, seen func(T) error) (t T, once any, err error)) Handler {
	return func(c *gin.Context) error {
		match, err := IfMatch(c)
		if err != nil {
			return err
		}
		var b B
		if err := Bind(c, &b); err != nil {
			return err
		}
		t, once, err := update(c, b, func(t T) error { return match.Check(r.tag(t)) })
		if err != nil {
			return r.fault(err)
		}
		return Changed(c, http.StatusOK, r.tag(t), r.or(once, t))
	}
}

func (r Resource[T]) or(once any, t T) any {
	if once != nil {
		return once
	}
	return r.View(t)
}
