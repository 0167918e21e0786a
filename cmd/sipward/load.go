package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"
)

// envPrefix begins every environment variable of the configuration.
const envPrefix = "SIPWARD_"

// loadConfig reads the file (none when the name is empty) and the environment over it, and checks the whole. All faults
// are reported together.
func loadConfig(name string, environ []string) (Config, error) {
	k := koanf.New(".")
	if name != "" {
		if err := k.Load(file.Provider(name), yaml.Parser()); err != nil {
			return Config{}, fmt.Errorf("configuration %s: %w", name, fileFault(err))
		}
	}
	faults := unknownKeys(k)
	faults = append(faults, loadEnv(k, environ)...)
	faults = append(faults, settle(k)...)
	c := Defaults()
	faults = append(faults, unmarshal(k, &c)...)
	faults = append(faults, c.Validate()...)
	return c, errors.Join(faults...)
}

func fileFault(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("there is no such file")
	}
	if strings.Contains(err.Error(), "cannot start any token") { // YAML's word for a tab, mostly
		return fmt.Errorf("%w: a tab? YAML is indented by blanks", err)
	}
	return err
}

func unmarshal(k *koanf.Koanf, c *Config) []error {
	err := k.UnmarshalWithConf("", c, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result: c, WeaklyTypedInput: true, TagName: "koanf", MatchName: strings.EqualFold,
		DecodeHook: splitHook,
	}})
	var all interface{ Unwrap() []error }
	if errors.As(err, &all) {
		return all.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

// unknownKeys reports every key of the file that means nothing, with the nearest one that does.
func unknownKeys(k *koanf.Koanf) []error {
	var faults []error
	for _, key := range k.Keys() {
		if !knownKey(key) {
			faults = append(faults, fmt.Errorf("%s: there is no such key; %s", key, suggest(key)))
		}
	}
	return faults
}

func knownKey(key string) bool {
	return slices.ContainsFunc(fields(), func(f field) bool {
		return f.Key == key || f.Map && strings.HasPrefix(key, f.Key+".")
	})
}

// loadEnv puts the environment over the file. A variable with our prefix that means nothing is a fault too: it is mostly
// a misspelt key.
func loadEnv(k *koanf.Koanf, environ []string) []error {
	var faults []error
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, envPrefix) || foreignEnv(name) {
			continue
		}
		key, ok := envKey(name)
		if !ok {
			faults = append(faults, fmt.Errorf("environment %s: there is no such key; see sipward config docs", name))
			continue
		}
		if err := k.Set(key, value); err != nil {
			faults = append(faults, fmt.Errorf("environment %s: %w", name, err))
		}
	}
	return faults
}

// envKey finds the key an environment variable means; SIPWARD_SIP_ANNOUNCE_BY_TYPE_SNOM means the entry SNOM.
func envKey(name string) (string, bool) {
	for _, f := range fields() {
		if name == f.Env() {
			return f.Key, true
		}
		if entry, ok := strings.CutPrefix(name, f.Env()+"_"); f.Map && ok {
			return f.Key + "." + entry, true
		}
	}
	return "", false
}

// foreignEnv are variables with our prefix that belong to the client commands and the tests.
func foreignEnv(name string) bool {
	switch name {
	case "SIPWARD_API", "SIPWARD_TOKEN", "SIPWARD_CA", "SIPWARD_CONFIG", "SIPWARD_PHONE_PASSWORD":
		return true
	}
	return strings.HasPrefix(name, "SIPWARD_TEST_") || strings.HasPrefix(name, "SIPWARD_REQUIRE_")
}

// suggest names the known key that shares most with a misspelt one.
func suggest(key string) string {
	all := fields()
	sort.SliceStable(all, func(i, j int) bool { return distance(all[i].Key, key) < distance(all[j].Key, key) })
	if distance(all[0].Key, key) <= len(key)/2 {
		return "did you mean " + all[0].Key + "?"
	}
	return "see sipward config docs"
}

// distance is the Levenshtein distance of two short texts.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		previous := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := previous
			if a[i-1] != b[j-1] {
				cost++
			}
			previous, row[j] = row[j], min(row[j]+1, row[j-1]+1, cost)
		}
	}
	return row[len(b)]
}
