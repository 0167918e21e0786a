package main

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// figure is a line "… measured / limit …" of a test.
type figure struct {
	text  string
	ratio float64 // how much of the limit was used, 1 is all; 0: the numbers did not parse
}

var (
	reLimit  = regexp.MustCompile(`^(.*?)\s*/\s*(limit|at least)?\s*([<>=]*\s*[0-9].*)$`)
	reNumber = regexp.MustCompile(`[0-9][0-9.,]*(?:[a-zµ%]+[0-9.]*)*`)
)

// parseFigure recognises a figure. The number before the slash is the last one there, so that "p50 …, p99 … / limit 1s"
// compares the p99.
func parseFigure(line string) (figure, bool) {
	m := reLimit.FindStringSubmatch(line)
	if m == nil {
		return figure{}, false
	}
	measured := reNumber.FindAllString(m[1], -1)
	limit := reNumber.FindString(m[3])
	if len(measured) == 0 || limit == "" {
		return figure{}, false
	}
	f := figure{text: line}
	a, okA := value(measured[len(measured)-1])
	b, okB := value(limit)
	if okA && okB && a > 0 && b > 0 {
		f.ratio = a / b
		if m[2] == "at least" {
			f.ratio = b / a
		}
	}
	return f, true
}

// value reads a duration or a plain number; a unit that stands on both sides of the slash cancels out.
func value(s string) (float64, bool) {
	if d, err := time.ParseDuration(s); err == nil {
		return d.Seconds(), true
	}
	s = strings.ReplaceAll(strings.TrimRight(s, ".,%"), ",", "")
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}
