// Command accept runs the tests of the acceptance list and writes their report.
//
//	go run ./accept            # make accept: tiers 0 and 1, within 20 minutes
//	go run ./accept -tier 2    # make accept TIER=2: every test there is, before a release
//	go run ./accept -only L10 -out DIR
//
// The acceptance list (list.tsv) has an id, a tier and one line of what must hold for each test: L load, F faults, B bad
// input, A attackers, P provisioning, K keys, O operation. Tier 0 is in `make test` too, 1 takes minutes, 2 hours.
//
// A test belongs to an id when its doc comment, or one in its body, says so ("// F9: the process is killed …"), and
// tells its figures by t.Log in the form
//
//	what was measured 11.6ms / limit 1s
//	goodput 92 % / at least 80 %
//
// or, where it tells none, by its cases: how many of its subtests failed. Nothing needs to be written twice: the scan finds
// the tests, the stream of `go test -json` brings results and figures, and the report is Markdown with a plot in SVG per
// group. The command ends with 1 when a test failed, and prints each result as it comes, because a run takes minutes.
package main
