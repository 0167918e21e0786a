package web

import (
	"bufio"
	"encoding/csv"
	"strings"

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
				cells[i] = harmless(cells[i])
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

// harmless puts an apostrophe before what a spreadsheet would take for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
