package main

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// field is one key of the configuration, read from the struct tags.
type field struct {
	Key, Doc, Default string
	Secret, Map       bool
	value             func(reflect.Value) reflect.Value
}

// Env is the environment variable of the key.
func (f field) Env() string { return envPrefix + strings.ToUpper(strings.ReplaceAll(f.Key, ".", "_")) }

// fields lists every key in the order of the struct.
func fields() []field {
	return walk(reflect.TypeFor[Config](), "", func(v reflect.Value) reflect.Value { return v })
}

func walk(t reflect.Type, prefix string, at func(reflect.Value) reflect.Value) []field {
	defaults := reflect.ValueOf(Defaults())
	var list []field
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("koanf")
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		value := func(v reflect.Value) reflect.Value { return at(v).Field(i) }
		if f.Type.Kind() == reflect.Struct {
			list = append(list, walk(f.Type, prefix+name+".", value)...)
			continue
		}
		list = append(list, field{
			Key: prefix + name, Doc: f.Tag.Get("doc"), Secret: f.Tag.Get("secret") != "", Map: f.Type.Kind() == reflect.Map,
			Default: show(value(defaults)), value: value,
		})
	}
	return list
}

// show prints a value as it would stand in the file.
func show(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case []string:
		return strings.Join(x, ",")
	case time.Duration:
		return x.String()
	case map[string]string:
		var parts []string
		for k, v := range x {
			parts = append(parts, k+": "+v)
		}
		return strings.Join(parts, ", ")
	case int:
		if x == 0 {
			return ""
		}
	}
	return fmt.Sprint(v.Interface())
}

// splitHook reads comma-separated lists, and maps as name=value,name=value; an empty text is an empty one.
func splitHook(_, to reflect.Type, data any) (any, error) {
	s, ok := data.(string)
	if ok && to == reflect.TypeFor[map[string]string]() {
		return splitMap(s)
	}
	if !ok || to != reflect.TypeFor[[]string]() {
		return data, nil
	}
	list := []string{}
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list, nil
}

func splitMap(s string) (map[string]string, error) {
	m := map[string]string{}
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("%q: want name=value,name=value", part)
		}
		m[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return m, nil
}
