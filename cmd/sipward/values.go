package main

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/knadh/koanf/v2"
)

// settle turns what stands in the file or the environment into values of the keys' types, and reports what is none with the
// key and what is wanted. A faulty value gives way to the default, so that the other faults are found too.
func settle(k *koanf.Koanf) (faults []error) {
	for _, f := range fields() {
		raw := k.Get(f.Key)
		if raw == nil {
			continue
		}
		value, wish := parseValue(f.value(reflect.ValueOf(Defaults())).Interface(), raw)
		if wish != "" {
			faults = append(faults, fmt.Errorf("%s: %s: want %s", f.Key, written(raw), wish))
		}
		if value == nil {
			k.Delete(f.Key)
		} else if reflect.TypeOf(value) != reflect.TypeOf(raw) {
			if err := k.Set(f.Key, value); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", f.Key, err))
			}
		}
	}
	return faults
}

// written is a value as a person wrote it, near enough.
func written(raw any) string {
	if s, ok := raw.(string); ok {
		return strconv.Quote(s)
	}
	return fmt.Sprint(raw)
}

// parseValue reads raw as a value of the type that like has. nil stands for the default; a wish says what raw should be. An
// empty text is the default of a number, a time or a switch, as it comes from VARIABLE= in an environment file.
func parseValue(like, raw any) (value any, wish string) {
	text, isText := raw.(string)
	if isText {
		text = strings.TrimSpace(text)
	}
	switch like.(type) {
	case []string, map[string]string:
		return parseMany(like, raw)
	case string:
		switch raw.(type) {
		case []any, map[string]any:
			return nil, "one text"
		}
		return raw, ""
	}
	if isText && text == "" {
		return nil, ""
	}
	switch like.(type) {
	case time.Duration:
		return parseTime(raw, text)
	case int:
		return parseNumber(raw, text)
	case bool:
		if isText {
			b, err := strconv.ParseBool(text)
			raw = b
			if err != nil {
				raw = text
			}
		}
		if b, ok := raw.(bool); ok {
			return b, ""
		}
		return nil, "true or false"
	}
	return raw, ""
}

func parseMany(like, raw any) (any, string) {
	_, isMap := raw.(map[string]any)
	_, isList := raw.([]any)
	text, isText := raw.(string)
	switch like.(type) {
	case map[string]string:
		if isText {
			if _, err := splitMap(text); err != nil {
				return nil, "name=value,name=value"
			}
		}
		if isText || isMap {
			return raw, ""
		}
		return nil, "names and values, for example {SNOM: answer}"
	}
	if isMap {
		return nil, "a list, for example [a, b], or a,b"
	}
	if isText || isList {
		return raw, ""
	}
	return fmt.Sprint(raw), "" // one number
}

func parseNumber(raw any, text string) (any, string) {
	switch n := raw.(type) {
	case int:
		return n, ""
	case string:
		if v, err := strconv.Atoi(text); err == nil {
			return v, ""
		}
	}
	return nil, "a whole number"
}

const wishTime = "a duration, for example 30s, 10m, 12h or 30d"

// parseTime also takes days, which retention is counted in: 30d, 1d12h.
func parseTime(raw any, text string) (any, string) {
	switch v := raw.(type) {
	case int:
		if v == 0 {
			return time.Duration(0), ""
		}
		return nil, wishTime // 10 what?
	case string:
	default:
		return nil, wishTime
	}
	var days time.Duration
	if n, rest, ok := strings.Cut(text, "d"); ok {
		count, err := strconv.Atoi(n)
		if err != nil || count < 0 || count > int(math.MaxInt64/(24*time.Hour)) {
			return nil, wishTime
		}
		if days, text = time.Duration(count)*24*time.Hour, rest; text == "" {
			return days, ""
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || days > 0 && d < 0 {
		return nil, wishTime
	}
	return days + d, ""
}
