package console_test

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"sipward/admin/console"
)

func TestTemplatesParse(t *testing.T) {
	t.Parallel()
	_, err := console.New(console.Config{Name: "sip.example"}, console.Deps{API: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
}
