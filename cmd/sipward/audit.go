package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sipward/internal/apiclient"
	"sipward/internal/audit"
)

// auditCommand is "sipward audit": who changed what.
func auditCommand(getenv lookup) *cobra.Command {
	r := &remote{getenv: getenv}
	return r.command("audit", "Read, export, verify and compare the audit log", r.auditList(), r.auditExport(), r.auditVerify(), r.auditCompare())
}

func (r *remote) auditList() *cobra.Command {
	var by, kind, id, result string
	var since time.Duration
	c := &cobra.Command{Use: "list", Short: "List entries, the newest first", Args: nothing}
	c.RunE = r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, _ []string) error {
		from := time.Now().Add(-since).UTC().Truncate(time.Second)
		list, err := api.Audit(ctx, apiclient.AuditFilter{From: &from, By: given(by), Kind: given(kind), ObjectID: given(id), Result: given(result)})
		if err != nil {
			return err
		}
		return r.show(c.OutOrStdout(), list, auditColumns, auditRows(list))
	})
	f := c.Flags()
	f.StringVar(&by, "by", "", "name of the operator, token:NAME, bootstrap")
	f.StringVar(&kind, "kind", "", "of an object: account, group, operator …")
	f.StringVar(&id, "id", "", "of an object")
	f.StringVar(&result, "result", "", "done, denied or read")
	f.DurationVar(&since, "since", 24*time.Hour, "how far back")
	return c
}

// given is a filter that is sent only when it says something.
func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

const auditColumns = "AT BY FROM RESULT ACTION OBJECTS"

func auditRows(list []apiclient.AuditEntry) [][]string {
	rows := make([][]string, len(list))
	for i, e := range list {
		rows[i] = []string{e.At.Format(time.RFC3339), e.Act.By, e.Act.From, e.Result, e.Act.Action, objectsOf(e)}
	}
	return rows
}

func objectsOf(e apiclient.AuditEntry) string {
	var words []string
	for _, o := range e.Objects {
		fields := make([]string, len(o.Changes))
		for i, f := range o.Changes {
			fields[i] = f.Field
		}
		words = append(words, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", o.Op, o.Kind, cmp.Or(o.Name, o.ID), strings.Join(fields, ","))))
	}
	return orDash(strings.Join(words, "; "))
}

func (r *remote) auditExport() *cobra.Command {
	return &cobra.Command{Use: "export FILE", Short: "Write the whole log to a file (- is the standard output)", Args: exactly("FILE"),
		RunE: r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, args []string) error {
			if args[0] == "-" {
				return api.ExportAudit(ctx, c.OutOrStdout())
			}
			if err := whole(args[0], func(w io.Writer) error { return api.ExportAudit(ctx, w) }); err != nil {
				return err
			}
			return r.done(c.OutOrStdout(), "exported to %s", args[0])
		})}
}

func (r *remote) auditCompare() *cobra.Command {
	return &cobra.Command{Use: "compare FILE", Short: "Show what an exported log has and the server's has not (- is the standard input)", Args: exactly("FILE"),
		Long: "After a backup was restored: what was done since it was made, and has to be done again. FILE is an export that was kept elsewhere.",
		RunE: r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, args []string) error {
			in, done, err := source(c, args[0])
			if err != nil {
				return err
			}
			defer done()
			found, err := api.CompareAudit(ctx, in)
			if err != nil {
				return err
			}
			if found.Missing == 0 {
				return r.show(c.OutOrStdout(), found, "", [][]string{{"entries", fmt.Sprint(found.Entries)}, {"missing", "none: the server knows them all"}})
			}
			return r.show(c.OutOrStdout(), found, auditColumns, auditRows(found.Items))
		})}
}

func (r *remote) auditVerify() *cobra.Command {
	c := &cobra.Command{
		Use: "verify [FILE]", Short: "Check that the log is whole and unchanged: the server's, or an exported one",
		Long: "Without FILE the server walks its log, and checks the ends of its chains under the root key. With FILE the exported lines are checked\nhere, without any server: that none was changed, and that between the first and the last of each chain none is missing.",
		Args: cobra.MaximumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 1 {
			found, err := verifyFile(args[0])
			return r.judge(c, found, err)
		}
		return r.do(func(ctx context.Context, api *apiclient.Client, c *cobra.Command, _ []string) error {
			found, err := api.VerifyAudit(ctx)
			return r.judge(c, found, err)
		})(c, args)
	}
	return c
}

func (r *remote) judge(c *cobra.Command, found apiclient.AuditCheck, err error) error {
	if err != nil {
		return err
	}
	rows := [][]string{{"entries", fmt.Sprint(found.Entries)}}
	for _, f := range found.Faults {
		rows = append(rows, []string{"fault", fmt.Sprintf("%s %d: %s", f.Chain, f.Seq, f.What)})
	}
	if err := r.show(c.OutOrStdout(), found, "", rows); err != nil {
		return err
	}
	if !found.OK {
		return fmt.Errorf("the audit log was tampered with or damaged: %d faults", len(found.Faults))
	}
	return nil
}

// verifyFile checks an exported log, whose lines come in any order.
func verifyFile(name string) (found apiclient.AuditCheck, err error) {
	f, err := os.Open(name)
	if err != nil {
		return found, err
	}
	defer func() { _ = f.Close() }()
	type kept struct {
		line  audit.Line
		entry audit.Entry
	}
	chains := map[string][]kept{}
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 0, 64<<10), 4<<20)
	for n := 1; s.Scan(); n++ {
		var k kept
		if err := json.Unmarshal(s.Bytes(), &k.line); err != nil || json.Unmarshal(k.line.Entry, &k.entry) != nil {
			return found, fmt.Errorf("%s line %d is no line of an exported audit log", name, n)
		}
		chains[k.entry.Chain] = append(chains[k.entry.Chain], k)
		found.Entries++
	}
	if err := s.Err(); err != nil {
		return found, fmt.Errorf("%s: %w", name, err)
	}
	for chain, list := range chains {
		slices.SortFunc(list, func(a, b kept) int { return cmp.Compare(a.entry.Seq, b.entry.Seq) })
		c := audit.NewChecker(chain, list[0].entry.Seq-1, list[0].entry.Prev)
		for _, k := range list {
			c.Next(k.line)
		}
		for _, fault := range c.Faults {
			found.Faults = append(found.Faults, apiclient.AuditFault(fault))
		}
	}
	found.OK = len(found.Faults) == 0
	return found, nil
}
