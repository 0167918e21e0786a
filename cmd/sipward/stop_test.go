package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// A stop is told in the log, at its begin and its end; the banner is no part of the log.
func TestAStopIsInTheLog(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Log.Format = "json"
	var stdout, stderr output
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, c, os.LookupEnv, false, &stdout, &stderr) }()
	eventually(t, "it serves", time.Minute, func() bool { return strings.Contains(stdout.String(), "state") })
	eventually(t, "it is ready", time.Minute, func() bool { return strings.Contains(stdout.String(), "set up") })
	stop()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for _, want := range []string{`"msg":"stopping`, `"msg":"the calls have ended`, `"within":"1ms"`} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, stderr.String())
		}
	}
	for line := range strings.Lines(stderr.String()) {
		if !strings.HasPrefix(line, "{") {
			t.Errorf("a line of the log is no JSON: %s", line)
		}
	}
}
