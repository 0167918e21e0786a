package main

import (
	"fmt"
	"html"
	"strings"
)

// The plot's measures, in pixels.
const (
	plotLeft  = 60
	plotWidth = 480 // of a bar that uses all of its limit
	plotRow   = 22
	plotTop   = 34
)

// plot draws a bar per figure: how much of its limit was used. The line at the end is the limit; "" when there is none.
func plot(title string, rows []row) string {
	var bars strings.Builder
	n := 0
	for _, r := range rows {
		for _, f := range r.figures {
			if f.ratio > 0 {
				bars.WriteString(bar(n, r.id, f))
				n++
			}
		}
	}
	if n == 0 {
		return ""
	}
	height := plotTop + n*plotRow + 10
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">
<rect width="100%%" height="100%%" fill="#fff"/><text x="8" y="20" font-weight="bold">%s: share of each limit that was used</text>
%s<line x1="%d" x2="%d" y1="%d" y2="%d" stroke="#b00" stroke-dasharray="4 3"/>
</svg>
`, plotLeft+plotWidth+80, height, html.EscapeString(title), bars.String(), plotLeft+plotWidth, plotLeft+plotWidth, plotTop-6, height-6)
}

func bar(n int, id string, f figure) string {
	y, colour := plotTop+n*plotRow, "#2a6f97"
	if f.ratio > 1 {
		colour = "#b00"
	}
	width := max(1, int(min(f.ratio, 1.1)*plotWidth))
	return fmt.Sprintf(`<text x="8" y="%d">%s</text><rect x="%d" y="%d" width="%d" height="14" fill="%s"><title>%s</title></rect><text x="%d" y="%d" fill="#555">%.0f %%</text>`+"\n",
		y+11, id, plotLeft, y, width, colour, html.EscapeString(f.text), plotLeft+width+5, y+11, 100*f.ratio)
}
