// Command accept turns a run of the tests into the acceptance report.
//
//	go test -json -tags accept ./... | go run ./accept
//
// The acceptance list (list.tsv) has an id, a tier and one line of what must hold for each test: L load, F faults, B bad
// input, A attackers, P provisioning, K keys, O operation. Tier 0 runs with `make test`, 1 with `make accept`, 2 before a
// release (`make accept TIER=2`).
//
// A test belongs to an id when its doc comment, or one in its body, says so ("// F9: the process is killed …"), and
// tells its figures by t.Log in the form
//
//	what was measured 11.6ms / limit 1s
//	goodput 92 % / at least 80 %
//
// so that nothing needs to be written twice: the scan finds the tests, the stream of `go test -json` brings results and
// figures, and the report is Markdown with a plot in SVG per group. The command ends with 1 when a test failed, and
// prints each result as it comes, because a run takes minutes.
package main
