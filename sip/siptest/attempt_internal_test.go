package siptest

import "testing"

// A phone that dies of its own fault costs an attempt; what the test itself finds fails at once.
func TestStrangersTriesAgainAfterACrash(t *testing.T) {
	t.Parallel()
	tries, cleaned := 0, 0
	Strangers(t, func(t testing.TB) {
		tries++
		t.Cleanup(func() { cleaned++ })
		if tries == 1 {
			p := start(t, t.TempDir(), nil, "/bin/sh", "-c", "kill -SEGV $$")
			<-p.done
			t.Fatal("the phone is gone")
		}
	})
	if tries != 2 || cleaned != 2 {
		t.Errorf("%d tries and %d clean-ups, want 2 and 2", tries, cleaned)
	}
}

func TestStrangersDoesNotHideAFailure(t *testing.T) {
	t.Parallel()
	a := &attempt{TB: t}
	a.run(func(t testing.TB) {
		start(t, t.TempDir(), nil, "/bin/sh", "-c", "exit 3")
		t.Fatalf("the sound was wrong")
	})
	if !a.failed || a.crashed != "" {
		t.Errorf("failed %v, crashed %q: want a failure that is not tried again", a.failed, a.crashed)
	}
}
