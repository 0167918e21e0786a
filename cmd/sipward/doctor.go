package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// patient is what the doctor looks at. Empty parts are left out.
type patient struct {
	DataDir   string
	Store     string                                       // what the state is kept in, without secrets
	Ping      func(ctx context.Context) error              // asks the store; its error names the mend
	Clock     func(ctx context.Context) (time.Time, error) // another machine's clock, such as Redis TIME
	Cert, Key string                                       // PEM files
	Generated bool                                         // those are made at the first start
	Names     []string                                     // that the certificate should be good for
	Ports     []portOf
	Node      string // who the configured node is; "": it never ran
	Guessable bool   // the bootstrap token is short
	Running   string // URL where a running server says which node it is: tells whether a taken port is ours
}

// finding is one line of the doctor's report.
type finding struct {
	state string // ok, warn, fail
	what  string
	mend  string
}

func fine(what string, a ...any) finding { return finding{"ok", fmt.Sprintf(what, a...), ""} }

func warn(mend, what string, a ...any) finding { return finding{"warn", fmt.Sprintf(what, a...), mend} }

func fail(mend, what string, a ...any) finding { return finding{"fail", fmt.Sprintf(what, a...), mend} }

// doctorCommand is `sipward doctor`; examine reads the configuration file.
func doctorCommand(examine func(ctx context.Context, configFile string) (patient, error)) *cobra.Command {
	file := ""
	c := &cobra.Command{
		Use: "doctor", Short: "Check configuration, store, certificates, ports, clock and limits", Args: argsOf(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := examine(c.Context(), file)
			if err != nil {
				printFindings(c.OutOrStdout(), []finding{fail("mend what it says; sipward config docs explains each key", "configuration: %s",
					strings.ReplaceAll(err.Error(), "\n", "; "))})
				return errors.New("the configuration does not load")
			}
			findings := append([]finding{p.configuration()}, p.check(c.Context())...)
			if failed := printFindings(c.OutOrStdout(), findings); failed > 0 {
				return fmt.Errorf("%d of %d checks failed", failed, len(findings))
			}
			return nil
		},
	}
	c.Flags().StringVar(&file, "config", "", "configuration file (default: the one of SIPWARD_CONFIG, or /etc/sipward/sipward.yaml when it is there)")
	return c
}

func printFindings(out io.Writer, findings []finding) (failed int) {
	for _, f := range findings {
		line := fmt.Sprintf("%-4s  %s", f.state, f.what)
		if f.mend != "" {
			line += "  — " + f.mend
		}
		fmt.Fprintln(out, line)
		if f.state == "fail" {
			failed++
		}
	}
	return failed
}

func (p patient) configuration() finding {
	if p.Guessable {
		return warn(longToken, "configuration loads; admin.bootstrap_token is short and may be guessed")
	}
	return fine("configuration loads")
}

func (p patient) check(ctx context.Context) []finding {
	var all []finding
	all = append(all, checkDir(p.DataDir))
	all = append(all, p.checkStore(ctx), p.checkClock(ctx))
	all = append(all, p.checkCert(time.Now())...)
	running := p.running(ctx)
	for _, port := range p.Ports {
		all = append(all, p.checkPort(port, running))
	}
	return append(all, checkFiles())
}

// checkDir writes and removes a file: the mode alone does not tell (read-only mounts, quotas, full disks).
func checkDir(dir string) finding {
	f, err := os.CreateTemp(dir, ".doctor-*")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, 0o700); err == nil {
			_ = os.Remove(dir)
			return fine("data_dir %s can be made", dir)
		}
		return fail("make it, or set data_dir to a place where it can be made", "data_dir %s does not exist", dir)
	case err != nil:
		return fail("give its owner the right to write: chown, chmod, remount", "data_dir %s: %v", dir, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, 4096))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fail("free some space", "data_dir %s: %v", dir, err)
	}
	return fine("data_dir %s is writable", dir)
}

func (p patient) checkStore(ctx context.Context) finding {
	if p.Ping == nil {
		return fine("store: %s", p.Store)
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	begun := time.Now()
	err := p.Ping(ctx)
	switch took := time.Since(begun); {
	case err != nil:
		return fail("", "store: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	case took > 100*time.Millisecond:
		return warn("put it nearer: every registration waits for it", "store: %s answers in %s", p.Store, took.Round(time.Millisecond))
	default:
		return fine("store: %s answers in %s", p.Store, took.Round(10*time.Microsecond))
	}
}

// checkClock compares wall and monotonic time over a tenth of a second, and ours with another machine's: nonces, links and
// certificates live by the clock.
func (p patient) checkClock(ctx context.Context) finding {
	const mend = "run a time service: chrony or systemd-timesyncd"
	begun := time.Now()
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	now := time.Now()
	if jump := now.Round(0).Sub(begun.Round(0)) - now.Sub(begun); jump.Abs() > 50*time.Millisecond {
		return fail(mend, "clock: jumped by %s while it was watched", jump)
	}
	if now.Year() < 2025 {
		return fail(mend, "clock: it says %s", now.Format(time.DateOnly))
	}
	if p.Clock == nil {
		return fine("clock: steady, %s", now.UTC().Format(time.RFC3339))
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	theirs, err := p.Clock(ctx)
	if err != nil {
		return warn("", "clock: steady; the other clock cannot be asked: %v", err)
	}
	if off := time.Since(theirs).Round(time.Millisecond); off.Abs() > 2*time.Second {
		return fail(mend+" on both machines", "clock: %s away from the store's", off)
	}
	return fine("clock: steady, agrees with the store's")
}

// checkFiles: each connected phone is one open file, and each call through the relay four.
func checkFiles() finding {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return warn("", "open files: the limit cannot be read: %v", err)
	}
	const mend = "raise it: LimitNOFILE=131072 in the systemd unit, or ulimit -n"
	switch {
	case limit.Max < 1024:
		return fail(mend, "open files: at most %d", limit.Max)
	case limit.Max < 65536:
		return warn(mend, "open files: at most %d, so about that many phones", limit.Max)
	}
	return fine("open files: at most %d", limit.Max)
}
