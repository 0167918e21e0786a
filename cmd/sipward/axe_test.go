package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axeFile is where .ci/tools puts axe-core, which judges pages by the rules of WCAG.
func axeFile() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "sipward", "axe-4.14.1.min.js")
}

// violation is a rule that a page breaks.
type violation struct {
	ID     string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Nodes  []string `json:"nodes"`
}

// accessible lets nothing serious be wrong with the page that is open.
func (b *browser) accessible(what string) { b.t.Helper(); b.judge(what, "document") }

// legible is the same for what the page itself shows, without the navigation around it: for other colours and sizes.
func (b *browser) legible(what string) { b.t.Helper(); b.judge(what, `"main"`) }

func (b *browser) judge(what, part string) {
	b.t.Helper()
	for _, v := range b.violations(part) {
		if v.Impact == "serious" || v.Impact == "critical" {
			b.t.Errorf("%s: %s (%s): %s\n%q", what, v.ID, v.Impact, v.Help, v.Nodes)
		}
	}
}

// axeSees checks the judge: a picture without words must be found.
func (b *browser) axeSees() {
	b.t.Helper()
	b.until("spoil the page", `!!document.body.appendChild(document.createElement("img"))`)
	found := b.violations("document")
	if !slices.ContainsFunc(found, func(v violation) bool { return v.ID == "image-alt" }) && found != nil {
		b.t.Errorf("axe does not see a picture without words: %v", found)
	}
}

// violations asks axe what is wrong with the page; nil when there is no axe.
func (b *browser) violations(part string) []violation {
	b.t.Helper()
	script, err := os.ReadFile(axeFile())
	if err != nil {
		if os.Getenv("SIPWARD_REQUIRE_PHONES") == "1" {
			b.t.Fatalf("axe-core is not there: .ci/tools fetches it: %v", err)
		}
		return nil
	}
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	run := `axe.run(` + part + `, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations.map(v => ({
		id: v.id, impact: v.impact, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html + " " + n.any.map(a => a.message).join("; "))}))))`
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[*runtime.RemoteObject](string(script)+"; 0")); err != nil {
		b.give("start axe", err)
	}
	said, err := chromedp.Run(ctx, chromedp.Evaluate[string](run, chromedp.EvalAwaitPromise))
	if err != nil {
		b.give("run axe", err)
	}
	all := []violation{}
	if err := json.Unmarshal([]byte(said), &all); err != nil {
		b.t.Fatalf("axe said %s: %v", said, err)
	}
	return all
}
