package console

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

//go:embed lang/*.json
var langFiles embed.FS

// languages are those of the console, English first: it needs no file.
var languages = []string{"en", "it", "fr", "es", "de"}

const langCookie = "sipward_lang"

// texts reads what a language says; keys are the English texts.
func texts(lang string) (map[string]string, error) {
	if lang == "en" {
		return nil, nil
	}
	b, err := langFiles.ReadFile("lang/" + lang + ".json")
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("lang/%s.json: %w", lang, err)
	}
	return m, nil
}

// language is the browser's choice, or the first of its own languages that we have.
func (c *Console) language(r *http.Request) string {
	if k, err := r.Cookie(langCookie); err == nil && known(k.Value) {
		return k.Value
	}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		tag, _, _ = strings.Cut(strings.ToLower(tag), "-")
		if known(tag) {
			return tag
		}
	}
	return "en"
}

func known(lang string) bool {
	for _, l := range languages {
		if l == lang {
			return true
		}
	}
	return false
}

// ownName is how a language calls itself.
func ownName(lang string) string {
	switch lang {
	case "it":
		return "Italiano"
	case "fr":
		return "Français"
	case "es":
		return "Español"
	case "de":
		return "Deutsch"
	}
	return "English"
}
