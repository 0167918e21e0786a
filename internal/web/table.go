package web

import (
	"bufio"
	"encoding/csv"
	"regexp"

	"github.com/gin-gonic/gin"
)

// Table answers with CSV (RFC 4180) as f writes its rows. No cell can be a formula where the file is opened.
func Table(c *gin.Context, name string, head []string, f func(row func(cells ...string) error) error) error {
	return download(c, "text/csv; charset=utf-8", name+".csv", func(b *bufio.Writer) error {
		w := csv.NewWriter(b)
		if err := w.Write(head); err != nil {
			return err
		}
		err := f(func(cells ...string) error {
			for i := range cells {
				cells[i] = Harmless(cells[i])
			}
			return w.Write(cells)
		})
		w.Flush()
		if err == nil {
			err = w.Error()
		}
		return err
	})
}

// Where a spreadsheet would begin a formula: at the start of a cell, and behind a semicolon or a tab, by which it splits
// cells where the comma is decimal. The wide forms are for those that read them as the narrow ones.
var (
	reFormula = regexp.MustCompile(`(^|[;\t\r\n])([ ']*[=+@＝＋－＠\t\r\n-])`)
	reGuarded = regexp.MustCompile(`(^|[;\t\r\n])'([ ']*[=+@＝＋－＠\t\r\n-])`)
)

// Harmless puts an apostrophe before what a spreadsheet would take for a formula.
func Harmless(cell string) string { return reFormula.ReplaceAllString(cell, "$1'$2") }

// Unguarded undoes Harmless.
func Unguarded(cell string) string { return reGuarded.ReplaceAllString(cell, "$1$2") }
