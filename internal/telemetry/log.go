package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// LogConfig is the log section of the configuration.
type LogConfig struct {
	Level  string // debug, info, warn, error; empty: info
	Format string // text, json; empty: text on a terminal, else json
	Mask   int    // last digits of numbers that are hidden
}

// Validate names what is wrong and what is accepted.
func (c LogConfig) Validate() error {
	if _, err := c.level(); err != nil {
		return err
	}
	switch c.Format {
	case "", "text", "json":
		return nil
	}
	return fmt.Errorf("log.format %q is unknown: use text or json", c.Format)
}

// NewLogger writes to w as the configuration says; every line carries the ids of its ctx.
func NewLogger(w io.Writer, c LogConfig) (*slog.Logger, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	level, _ := c.level() // checked by Validate
	opts := &slog.HandlerOptions{Level: level}
	if c.Mask > 0 {
		opts.ReplaceAttr = masked(c.Mask)
	}
	if c.Format == "text" || c.Format == "" && isTerminal(w) {
		return slog.New(lifting{slog.NewTextHandler(w, opts)}), nil
	}
	opts.ReplaceAttr = readable
	if c.Mask > 0 {
		hide := masked(c.Mask)
		opts.ReplaceAttr = func(g []string, a slog.Attr) slog.Attr { return hide(g, readable(g, a)) }
	}
	return slog.New(lifting{slog.NewJSONHandler(w, opts)}), nil
}

// readable writes times as people do, "5s", where JSON would have a bare number of nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

func (c LogConfig) level() (slog.Level, error) {
	switch c.Level {
	case "", "info":
		return slog.LevelInfo, nil
	case "debug":
		return slog.LevelDebug, nil
	case "warn":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("log.level %q is unknown: use debug, info, warn or error", c.Level)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

type ctxKey struct{}

// With returns a ctx whose log lines carry attrs too.
func With(ctx context.Context, attrs ...slog.Attr) context.Context {
	have := Attrs(ctx)
	all := make([]slog.Attr, 0, len(have)+len(attrs)) // never append to have: sibling contexts share its array
	return context.WithValue(ctx, ctxKey{}, append(append(all, have...), attrs...))
}

// Attrs returns what With has put into ctx.
func Attrs(ctx context.Context) []slog.Attr {
	attrs, _ := ctx.Value(ctxKey{}).([]slog.Attr)
	return attrs
}

// lifting lifts the ids out of ctx into every record.
type lifting struct{ slog.Handler }

// Handle adds the ids of ctx.
func (h lifting) Handle(ctx context.Context, r slog.Record) error {
	if attrs := Attrs(ctx); len(attrs) > 0 {
		r = r.Clone()
		r.AddAttrs(attrs...)
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the lifting around the derived handler.
func (h lifting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return lifting{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the lifting around the derived handler.
func (h lifting) WithGroup(name string) slog.Handler { return lifting{h.Handler.WithGroup(name)} }
