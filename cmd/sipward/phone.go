package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sipward/sip/phone"
)

// phoneFlags are the flags that all phone commands share (CONTRACT.md "Command line").
type phoneFlags struct {
	phone.Config
	password string
	srtp     string
	ca       string
	insecure bool
	duration time.Duration
	verbose  bool
}

// goodbye bounds the BYE and the unregistering after the command has been told to end.
const goodbye = 5 * time.Second

// phoneCommand is `sipward phone`: a real user agent for trying a server out.
func phoneCommand(getenv func(string) (string, bool)) *cobra.Command {
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

// phoneSession is one run of a phone command.
type phoneSession struct {
	*phone.Phone
	flags *phoneFlags
	out   io.Writer // safe for concurrent use
}

// run makes the phone and gives it to a command.
func (f *phoneFlags) run(c *cobra.Command, getenv func(string) (string, bool), do func(context.Context, phoneSession) error) error {
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

func (f *phoneFlags) registerCommand(getenv func(string) (string, bool)) *cobra.Command {
	return &cobra.Command{
		Use: "register", Short: "Register, stay for --duration, unregister", Args: argsOf(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error {
			return f.run(c, getenv, func(ctx context.Context, s phoneSession) error {
				if err := s.register(ctx); err != nil {
					return err
				}
				s.stay(ctx)
				return s.unregister(ctx)
			})
		},
	}
}

func (f *phoneFlags) callCommand(getenv func(string) (string, bool)) *cobra.Command {
	register := false
	c := &cobra.Command{
		Use: "call NUMBER", Short: "Call a number and hear what it says", Args: argsOf(1, "the number to call"),
		RunE: func(c *cobra.Command, args []string) error {
			return f.run(c, getenv, func(ctx context.Context, s phoneSession) error {
				if register {
					if err := s.register(ctx); err != nil {
						return err
					}
					defer func() { _ = s.unregister(ctx) }() // the call's outcome counts
				}
				return s.call(ctx, args[0])
			})
		},
	}
	c.Flags().BoolVar(&register, "register", false, "register before the call and unregister after it")
	return c
}

func (f *phoneFlags) listenCommand(getenv func(string) (string, bool)) *cobra.Command {
	calls, refuse, ring := 0, 0, time.Duration(0)
	c := &cobra.Command{
		Use: "listen", Short: "Register and answer calls until --duration, --calls or Ctrl-C", Args: argsOf(0, "no argument"),
		RunE: func(c *cobra.Command, _ []string) error {
			return f.run(c, getenv, func(ctx context.Context, s phoneSession) error {
				if err := s.register(ctx); err != nil {
					return err
				}
				err := s.listen(ctx, calls, refuse, ring)
				return errors.Join(err, s.unregister(ctx))
			})
		},
	}
	c.Flags().IntVar(&calls, "calls", 0, "end after so many calls (default: no limit)")
	c.Flags().IntVar(&refuse, "refuse", 0, "refuse calls with this status, such as 486 or 603, instead of answering")
	c.Flags().DurationVar(&ring, "ring", 0, "ring so long before answering")
	return c
}

func (s phoneSession) register(ctx context.Context) error {
	if err := s.Register(ctx); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "registered for %s\n", s.Granted())
	return nil
}

// unregister also works when ctx has ended.
func (s phoneSession) unregister(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if err := s.Unregister(ctx); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "unregistered")
	return nil
}

// stay waits for --duration, or for ctx's end.
func (s phoneSession) stay(ctx context.Context) {
	timer := time.NewTimer(s.flags.duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// call places one call and stays in it to its end.
func (s phoneSession) call(ctx context.Context, number string) error {
	call, err := s.Call(ctx, number, phone.Options{})
	if err != nil {
		return err
	}
	err = s.follow(ctx, call)
	s.printReport(call)
	return err
}

// follow waits for a call's end: theirs, after --duration from the answer, or ctx's.
func (s phoneSession) follow(ctx context.Context, call *phone.Call) error {
	until, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := call.Answered(until); err == nil {
		fmt.Fprintf(s.out, "answered: %s\n", call.Peer())
		if s.flags.duration > 0 {
			until, cancel = context.WithTimeout(ctx, s.flags.duration)
			defer cancel()
		}
	}
	err := call.Wait(until)
	if until.Err() == nil {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbye)
	defer cancel()
	if err := call.Hangup(last); err != nil {
		return err
	}
	return call.Wait(last)
}

// listen answers calls, each in its own goroutine, and returns when they have ended.
func (s phoneSession) listen(ctx context.Context, most, refuse int, ring time.Duration) error {
	if s.flags.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.flags.duration)
		defer cancel()
	}
	var all sync.WaitGroup
	defer all.Wait()
	for n := 0; most == 0 || n < most; n++ {
		call, err := s.Incoming(ctx)
		if ctx.Err() != nil {
			return nil // told to end
		}
		if err != nil {
			return err
		}
		all.Go(func() { s.take(ctx, call, refuse, ring) })
	}
	return nil
}

// take rings and answers, or refuses, one call.
func (s phoneSession) take(ctx context.Context, call *phone.Call, refuse int, ring time.Duration) {
	fmt.Fprintf(s.out, "call from %s\n", call.Peer())
	if refuse > 0 {
		call.Reject(refuse, "")
		return
	}
	if ring > 0 {
		_ = call.Ring() // the caller may have gone already: Answer says so
		waited, cancel := context.WithTimeout(ctx, ring)
		_ = call.Wait(waited)
		cancel()
	}
	if err := call.Answer(); err != nil {
		fmt.Fprintf(s.out, "not answered: %v\n", err)
		return
	}
	last := context.WithoutCancel(ctx)
	if _ = call.Wait(ctx); ctx.Err() != nil { // why it ended is in its result
		bye, cancel := context.WithTimeout(last, goodbye)
		defer cancel()
		_ = call.Hangup(bye)
		_ = call.Wait(bye)
	}
	s.printReport(call)
}

// printReport says how the call went and what was heard.
func (s phoneSession) printReport(call *phone.Call) {
	r, h := call.Result(), call.Audio().Heard()
	if r.Err == nil {
		fmt.Fprintf(s.out, "the call with %s has ended%s\n", call.Peer(), reasonOf(r.Reason))
	}
	if h.Packets > 0 {
		fmt.Fprintf(s.out, "heard %.1f s of %s over %s: %d packets, %d lost, %d refused\n",
			h.PCM.Duration().Seconds(), h.Codec, suiteOf(h), h.Packets, h.Lost, h.Refused)
		if s.flags.Record != "" && call.Audio().Err() == nil {
			fmt.Fprintf(s.out, "recorded into %s\n", s.flags.Record)
		}
	}
	if err := call.Audio().Err(); err != nil {
		fmt.Fprintf(s.out, "audio: %v\n", err)
	}
}

func reasonOf(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func suiteOf(h phone.Heard) string {
	if h.Suite == "" {
		return "clear RTP"
	}
	return "SRTP " + string(h.Suite)
}

// lockedWriter lets the ladder and the command print lines at the same time.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write writes one line whole.
func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
