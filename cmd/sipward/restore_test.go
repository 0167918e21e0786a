package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"sipward/internal/apiclient"
)

// K6: yesterday's backup is put back; the audit log that was kept elsewhere shows what was done since, and nothing else.
func TestRestoredBackupShowsWhatIsMissing(t *testing.T) {
	t.Parallel()
	dir, backup := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "backup")
	p := spawn(t, dir, "")
	g, err := p.api.CreateGroup(t.Context(), apiclient.NewGroup{Name: "Kept"})
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.api.CreateAccount(t.Context(), apiclient.NewAccount{Way: "plain", GroupID: g.ID, Owner: "Ann", Number: "7001"})
	if err != nil {
		t.Fatal(err)
	}
	p.terminate(t)
	if err := os.CopyFS(backup, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}

	p = spawn(t, dir, "")
	if _, err := p.api.Disable(t.Context(), a.ID, "lost phone"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.api.CreateAccount(t.Context(), apiclient.NewAccount{Way: "plain", GroupID: g.ID, Owner: "Bob", Number: "7002"}); err != nil {
		t.Fatal(err)
	}
	var kept bytes.Buffer
	if err := p.api.ExportAudit(t.Context(), &kept); err != nil {
		t.Fatal(err)
	}
	if found, err := p.api.CompareAudit(t.Context(), bytes.NewReader(kept.Bytes())); err != nil || found.Missing != 0 || found.Entries < 4 {
		t.Errorf("against itself: %+v, %v", found, err)
	}
	p.terminate(t)

	p = spawn(t, backup, "")
	if got, err := p.account(t.Context(), a.ID); err != nil || got.State != "active" {
		t.Fatalf("the backup is not yesterday's: %s, %v", got.State, err)
	}
	found, err := p.api.CompareAudit(t.Context(), bytes.NewReader(kept.Bytes()))
	if err != nil || found.Missing != len(found.Items) {
		t.Fatal(found, err)
	}
	var actions []string
	for _, e := range found.Items {
		actions = append(actions, e.Act.Action)
	}
	t.Logf("changes that the restored backup lacks and that are named: %d / at least 3", len(actions))
	if len(actions) != 3 || actions[1] != "POST /api/v1/accounts" || actions[2] != "POST /api/v1/accounts/:id/disable" { // before them, the export itself
		t.Errorf("missing: %v", actions)
	}
	if _, err := p.api.CompareAudit(t.Context(), bytes.NewReader(bytes.Replace(kept.Bytes(), []byte("lost phone"), []byte("lost money"), 1))); err == nil {
		t.Error("a forged line was taken")
	}
}
