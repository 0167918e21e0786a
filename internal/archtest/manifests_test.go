package archtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func readRoot(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// instruction is one line of a Dockerfile, continuations joined.
type instruction struct{ word, rest string }

func instructions(t *testing.T) (list []instruction) {
	t.Helper()
	text := regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(readRoot(t, "Dockerfile"), "")
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		if word, rest, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			list = append(list, instruction{strings.ToUpper(word), strings.TrimSpace(rest)})
		}
	}
	return list
}

// TestDockerfile holds the image to O1 of the acceptance list: no root, no capability, nothing fetched while it is
// built but the pinned base and the pinned modules, no shell in the end.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	seen := map[string]string{} // last of each instruction in the last stage
	for _, i := range instructions(t) {
		switch i.word {
		case "FROM":
			image := strings.Fields(i.rest)[0]
			if image != "scratch" && !regexp.MustCompile(`^[a-z/]+:[0-9]+\.[0-9]+\S*$`).MatchString(image) {
				t.Errorf("FROM %s: pin the base by a version", i.rest)
			}
			seen = map[string]string{"FROM": image}
			continue
		case "ADD":
			t.Errorf("ADD %s: use COPY; ADD unpacks and fetches", i.rest)
		case "RUN":
			if regexp.MustCompile(`\b(curl|wget|apt-get|apk|sudo|setcap)\b`).MatchString(i.rest) {
				t.Errorf("RUN %s: fetches or grants something", i.rest)
			}
		case "EXPOSE":
			ports(t, i.rest)
		case "ENV", "ARG":
			if regexp.MustCompile(`(?i)password|secret|token|_key`).MatchString(i.rest) {
				t.Errorf("%s %s: a secret does not belong into an image", i.word, i.rest)
			}
		}
		seen[i.word] = i.rest
	}
	if seen["FROM"] != "scratch" && !strings.Contains(seen["FROM"], "distroless") {
		t.Errorf("the last stage is %s, which has a shell", seen["FROM"])
	}
	uid, _, _ := strings.Cut(seen["USER"], ":")
	if n, err := strconv.Atoi(uid); err != nil || n < 1000 {
		t.Errorf("USER %q: want a number from 1000, so that an orchestrator can see it is not root", seen["USER"])
	}
	for _, word := range []string{"EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "VOLUME"} {
		if seen[word] == "" {
			t.Errorf("no %s in the last stage", word)
		}
	}
	if !strings.HasPrefix(seen["ENTRYPOINT"], "[") {
		t.Errorf("ENTRYPOINT %s: want the exec form, so that signals arrive", seen["ENTRYPOINT"])
	}
}

func ports(t *testing.T, list string) {
	t.Helper()
	for _, p := range strings.Fields(list) {
		first, _, _ := strings.Cut(p, "/")
		first, _, _ = strings.Cut(first, "-")
		if n, err := strconv.Atoi(first); err != nil || n < 1024 {
			t.Errorf("EXPOSE %s: ports below 1024 need a capability", p)
		}
	}
}

// compose is as much of a compose file as the rules are about.
type compose struct {
	Services map[string]struct {
		Image    string    `yaml:"image"`
		Build    yaml.Node `yaml:"build"`
		User     string    `yaml:"user"`
		ReadOnly bool      `yaml:"read_only"`
		CapDrop  []string  `yaml:"cap_drop"`
		CapAdd   []string  `yaml:"cap_add"`
		Security []string  `yaml:"security_opt"`
		Ports    []string  `yaml:"ports"`
		Volumes  []string  `yaml:"volumes"`
		Priv     bool      `yaml:"privileged"`
	} `yaml:"services"`
}

func TestCompose(t *testing.T) {
	t.Parallel()
	var c compose
	if err := yaml.Unmarshal([]byte(readRoot(t, "deploy/compose.yaml")), &c); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sipward", "redis"} {
		if _, ok := c.Services[name]; !ok {
			t.Errorf("no service %s", name)
		}
	}
	for name, s := range c.Services {
		if !s.ReadOnly || s.Priv || !slices.Contains(s.CapDrop, "ALL") || len(s.CapAdd) > 0 || !slices.Contains(s.Security, "no-new-privileges:true") {
			t.Errorf("%s: want read_only, cap_drop ALL, no cap_add and no-new-privileges", name)
		}
		if uid, _, _ := strings.Cut(s.User, ":"); uid == "" || uid == "0" || uid == "root" {
			t.Errorf("%s runs as %q: want a user that is not root", name, s.User)
		}
		if s.Build.IsZero() && !regexp.MustCompile(`:[0-9]+\.[0-9]+`).MatchString(s.Image) {
			t.Errorf("%s: pin the image %q by a version", name, s.Image)
		}
		for _, p := range s.Ports {
			if name == "redis" && !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("redis is published on %s: on the loopback and nowhere else", p)
			}
		}
		for _, v := range s.Volumes {
			if strings.Contains(v, "docker.sock") || strings.HasPrefix(v, "/:") {
				t.Errorf("%s mounts %s", name, v)
			}
		}
	}
	if !strings.Contains(readRoot(t, "deploy/compose.yaml"), "--requirepass") {
		t.Error("redis has no password")
	}
}

// settings reads a unit file: the last value of each key.
func settings(unit string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(unit) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(k, "#") {
			m[k] = v
		}
	}
	return m
}

func TestUnit(t *testing.T) {
	t.Parallel()
	unit := readRoot(t, "deploy/sipward.service")
	s := settings(unit)
	for key, want := range map[string]string{
		"DynamicUser": "yes", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
		"CapabilityBoundingSet": "", "AmbientCapabilities": "", "MemoryDenyWriteExecute": "yes", "UMask": "0077", "StateDirectoryMode": "0700",
	} {
		if got, ok := s[key]; !ok || got != want {
			t.Errorf("%s=%s, want %q", key, got, want)
		}
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("systemd-analyze is not installed: the unit is checked by its keys only")
		return
	}
	// The binary is not installed where the unit says, so verify gets one that is there.
	file := filepath.Join(t.TempDir(), "sipward.service")
	text := strings.Replace(unit, s["ExecStart"], "/bin/true", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", file).CombinedOutput(); strings.Contains(string(out), "sipward.service") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", "--no-pager", file).CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze security wants an exposure of 2.0 at most: %v\n%s", err, out[max(0, len(out)-200):])
	}
}

// TestWords: the words of the Makefile are promises to users and to other projects' scripts.
func TestWords(t *testing.T) {
	t.Parallel()
	make := readRoot(t, "Makefile")
	for _, word := range []string{"run", "demo", "test", "check", "race", "fuzz", "accept", "bench", "image", "lint", "fmt", "build", "clean", "help"} {
		if !regexp.MustCompile(`(?m)^` + word + `:.*## .+$`).MatchString(make) {
			t.Errorf("make %s is missing, or has no line that explains it", word)
		}
	}
	ci := readRoot(t, ".ci/run")
	for _, line := range []string{"set -euo pipefail", "make test", "make check"} {
		if !strings.Contains(ci, line) {
			t.Errorf(".ci/run does not say %q", line)
		}
	}
	for _, script := range []string{".ci/run", ".ci/check", ".ci/tools"} {
		if info, err := os.Stat(filepath.Join("../..", script)); err != nil || info.Mode()&0o100 == 0 {
			t.Errorf("%s is not executable: %v", script, err)
		}
	}
	if !strings.Contains(readRoot(t, "LICENSE"), "Apache License") {
		t.Error("LICENSE is not the Apache License")
	}
}
