package redis_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sipward/internal/store/kv/kvtest"
	"sipward/internal/store/kv/redis"
)

func TestOpenNamesTheMend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ url, want string }{
		{"", "redis.url: want redis://"},
		{"http://127.0.0.1", "redis.url: want redis://"},
		{"redis://:hunter2@127.0.0.1:1", "redis at 127.0.0.1:1 does not answer"},
		{"redis://:hunter2@127.0.0.1:1/5", "only database 0"},
		{"redis://:hunter2@127.0.0.1:99999", "no port of 1 to 65535"},
		{"redis://u@127.0.0.1:1", "a user without a password"},
		{"redis://u:hunter2%zz@127.0.0.1:1", "write % as %25"},
		{"redis://a:1,b:2", "several hosts need"},
		{"redis://", "an empty host"},
		{"redis://127.0.0.1:1?ca=x", "need a scheme with TLS"},
		{"rediss://:hunter2@127.0.0.1:1?ca=/no/such/file", "no such file"},
		{"redis://127.0.0.1:1?db=3", `unknown parameter "db"`},
		{"redis://127.0.0.1:1?replicas=x", "is not a number"},
		{"redis+sentinel://127.0.0.1:1", "needs the name of the master"},
		{"redis+sentinel://:hunter2@127.0.0.1:1,127.0.0.1:2/main", "redis at 127.0.0.1:1,127.0.0.1:2 does not answer"},
		{"redis+cluster://:hunter2@127.0.0.1:1", "does not answer"},
	} {
		t.Run(c.url, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			s, err := redis.Open(t.Context(), redis.Config{URL: c.url})
			if err == nil {
				s.Close()
				t.Fatal("it opened")
			}
			if text := err.Error(); !strings.Contains(text, c.want) || strings.Contains(text, "hunter2") || strings.Contains(text, "\n") {
				t.Errorf("%q, want one line with %q and no password", text, c.want)
			}
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	server := kvtest.Redis(t, "--requirepass", "s3cret/@:?%")
	open(t, redis.Config{URL: "redis://:s3cret%2F%40%3A%3F%25@" + server.Addr})
	for password, want := range map[string]string{"": "NOAUTH", ":wrong@": "WRONGPASS"} {
		s, err := redis.Open(context.Background(), redis.Config{URL: "redis://" + password + server.Addr})
		if err == nil {
			s.Close()
			t.Fatalf("it opened with %q", password)
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "wrong@") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	url := kvtest.RedisTLS(t)
	s := open(t, redis.Config{URL: url})
	if err := write(t.Context(), s); err != nil {
		t.Error(err)
	}
	for name, bad := range map[string]string{
		"no CA":      strings.Split(url, "?")[0],
		"wrong name": strings.Replace(url, "localhost", "127.0.0.1", 1),
	} {
		if s, err := redis.Open(context.Background(), redis.Config{URL: bad}); err == nil {
			s.Close()
			t.Errorf("%s: it opened", name)
		} else if !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
