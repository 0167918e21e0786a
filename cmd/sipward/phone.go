package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sipward/sip/phone"
)

// phoneFlags are the flags that all phone commands share.
type phoneFlags struct {
	phone.Config
	password string
	srtp     string
	ca       string
	insecure bool
	duration time.Duration
	verbose  bool
}

// phoneCommand is `sipward phone`: a real user agent for trying a server out.
func phoneCommand(getenv lookup) *cobra.Command {
	var f phoneFlags
	c := &cobra.Command{
		Use: "phone", Short: "A test phone: register, call, answer, hear and record",
		Long: "A real SIP phone for trying a server out. It prints every message that it sends (-->) and receives (<--).\n" +
			"Exit code 0: it went as asked; 1: it was refused or failed, with the reason; 2: the command line is wrong.",
		Args: argsOf(0, "register, call or listen"),
		RunE: func(c *cobra.Command, _ []string) error {
			_ = c.Help()
			return usageError{errors.New("phone needs one of: register, call, listen")}
		},
	}
	f.bind(c)
	c.AddCommand(f.registerCommand(getenv), f.callCommand(getenv), f.listenCommand(getenv))
	return c
}

func (f *phoneFlags) bind(c *cobra.Command) {
	s := c.PersistentFlags()
	s.StringVar(&f.Server, "server", "127.0.0.1:5061", "host:port of the server")
	s.StringVar(&f.Transport, "transport", "tls", "tls, tcp, udp or wss")
	s.StringVar(&f.Domain, "domain", "", "SIP domain (default: the host of --server)")
	s.StringVar(&f.User, "user", "", "user to register and authenticate as")
	s.StringVar(&f.password, "password", "", "its password (or SIPWARD_PHONE_PASSWORD, which other users of the machine cannot see)")
	s.StringVar(&f.Number, "number", "", "our own number in From (default: --user)")
	s.StringVar(&f.ca, "ca", "", "PEM file of the CA that signed the server's certificate (default: the system's)")
	s.BoolVar(&f.insecure, "insecure", false, "accept any certificate, such as a self-signed one: anybody could then listen in")
	s.StringVar(&f.srtp, "srtp", "optional", "off, optional or required")
	s.StringVar(&f.Record, "record", "", "WAV file for what is heard")
	s.StringVar(&f.Play, "play", "", "WAV file to play in a call")
	s.IntVar(&f.Tone, "tone", 0, "frequency in Hz of a tone to send instead")
	s.DurationVar(&f.Expires, "expires", 0, "how long a registration lasts (default 10m)")
	s.StringVar(&f.Digest, "digest", "", "SHA-256 or MD5 (default: the best that is offered)")
	s.DurationVar(&f.duration, "duration", 0, "register: stay so long; call: hang up so long after the answer; listen: end after")
	s.BoolVarP(&f.verbose, "verbose", "v", false, "print whole messages")
}

// argsOf wants n arguments, named for the error.
func argsOf(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return usageError{fmt.Errorf("%s needs %s, not %q; see %s --help", c.Name(), what, args, c.CommandPath())}
	}
}

// run makes the phone and gives it to a command.
func (f *phoneFlags) run(c *cobra.Command, getenv lookup, do func(context.Context, phoneSession) error) error {
	cfg := f.Config
	cfg.SRTP = phone.SRTP(f.srtp)
	if v, ok := getenv("SIPWARD_PHONE_PASSWORD"); ok && f.password == "" {
		f.password = v
	}
	cfg.Password = phone.Secret(f.password)
	if cfg.User == "" {
		return usageError{errors.New("--user is missing: the user of an account on the server")}
	}
	var err error
	if cfg.TLS, err = f.tls(); err != nil {
		return err
	}
	out := &lockedWriter{w: c.OutOrStdout()}
	if f.insecure {
		fmt.Fprintln(c.ErrOrStderr(), "sipward: warning: --insecure: the server's certificate is not checked, so anybody could listen in")
	}
	cfg.OnMessage = func(e phone.Entry) {
		if fmt.Fprintln(out, e); f.verbose {
			fmt.Fprintf(out, "%s\n", e.Raw)
		}
	}
	p, err := phone.New(cfg)
	if err != nil {
		return usageError{err}
	}
	defer p.Close()
	return f.mend(do(c.Context(), phoneSession{p, f, out}))
}

// mend adds to a failure of the way to the server what to do about it.
func (f *phoneFlags) mend(err error) error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%w: give --ca data/tls/ca.pem, the server's own (below its data_dir)", err)
	case errors.As(err, &name):
		return fmt.Errorf("%w: give --server by a name or address that the certificate names", err)
	case errors.As(err, &plain):
		return fmt.Errorf("%w: the port does not speak TLS: it is 5061 mostly, or give --transport tcp", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: is the server running there (sipward serve), and is the port right: 5061 for tls, 5060 for tcp and udp, 5062 for wss?", err)
	}
	return err
}

func (f *phoneFlags) tls() (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: f.insecure, MinVersion: tls.VersionTLS12}
	if f.ca == "" {
		return c, nil
	}
	pem, err := os.ReadFile(f.ca)
	if err != nil {
		return nil, fmt.Errorf("--ca: %w", err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca %s: no PEM certificate in it", f.ca)
	}
	return c, nil
}
