package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"gopkg.in/yaml.v3"
)

// metricsKnown are the names of all metrics of a node.
func metricsKnown(t *testing.T, n *node) map[string]bool {
	t.Helper()
	known, descs := map[string]bool{}, make(chan *prometheus.Desc)
	go func() {
		n.registry.Describe(descs)
		close(descs)
	}()
	name := regexp.MustCompile(`fqName: "([a-z_]+)"`)
	for d := range descs {
		m := name.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("a metric without a name: %s", d)
		}
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
			known[m[1]+suffix] = true
		}
	}
	return known
}

// What the dashboard and the alerts ask for is there, and each alert has its runbook.
func TestDashboardAndAlertsAskForWhatThereIs(t *testing.T) {
	t.Parallel()
	s := start(t, testConfig(t))
	if _, err := s.api.Groups(t.Context()); err != nil { // the listeners' metrics come with them
		t.Fatal(err)
	}
	known := metricsKnown(t, s.n)
	for name, file := range map[string]string{"breaker_open": "breaker.go", "errors_total": "errors.go"} { // these come with Redis only
		source, err := os.ReadFile("../../internal/store/kv/redis/" + file)
		if err != nil {
			t.Fatal(err)
		}
		known["sipward_store_"+name] = strings.Contains(string(source), `Name: "`+name+`"`)
	}
	rules, err := os.ReadFile("../../deploy/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	board, err := os.ReadFile("../../deploy/grafana/sipward.json")
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(board) {
		t.Error("the dashboard is no JSON")
	}
	for _, m := range regexp.MustCompile(`sipward_[a-z_]+`).FindAllString(string(rules)+string(board), -1) {
		if !known[m] {
			t.Errorf("no node has the metric %s", m)
		}
	}
	var doc struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal(rules, &doc); err != nil {
		t.Fatal(err)
	}
	book, err := os.ReadFile("../../docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	var pages, alerts []string
	for _, m := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(string(book), -1) {
		pages = append(pages, m[1])
	}
	for _, r := range doc.Groups[0].Rules {
		alerts = append(alerts, r.Alert)
		if !strings.Contains(string(rules), "runbook: docs/runbooks.md#"+strings.ToLower(r.Alert)) || r.Expr == "" {
			t.Errorf("%s names no runbook or asks nothing", r.Alert)
		}
	}
	slices.Sort(pages)
	slices.Sort(alerts)
	if len(alerts) == 0 || !slices.Equal(pages, alerts) {
		t.Errorf("runbooks %q\nalerts   %q", pages, alerts)
	}
}
