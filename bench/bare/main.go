// Command bare is a floor for the load tests: a TLS server of the standard library alone that registers whoever asks,
// forgets it, and answers keep-alives. What it needs for a ping no server in Go can need less of while each ping wakes it.
//
//	bare ADDRESS CERTIFICATE KEY
package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net/textproto"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bare:", run(os.Args[1:])) // it runs until it fails
	os.Exit(1)
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("say ADDRESS CERTIFICATE KEY, not %q", args)
	}
	cert, err := tls.LoadX509KeyPair(args[1], args[2])
	if err != nil {
		return err
	}
	ln, err := tls.Listen("tcp", args[0], &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true})
	if err != nil {
		return err
	}
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			if register(c.(*tls.Conn)) == nil {
				pong(c.(*tls.Conn))
			}
		}()
	}
}

// register answers a REGISTER with a challenge and the next with 200.
func register(c *tls.Conn) error {
	r := textproto.NewReader(bufio.NewReaderSize(c, 2048))
	for _, answer := range []string{"401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"bare\", nonce=\"bare\", qop=\"auth\"", "200 OK"} {
		if _, err := r.ReadLine(); err != nil {
			return err
		}
		h, err := r.ReadMIMEHeader()
		if err != nil {
			return err
		}
		text := "SIP/2.0 " + answer + "\r\n"
		for _, name := range []string{"Via", "From", "To", "Call-Id", "Cseq"} {
			text += name + ": " + h.Get(name) + "\r\n"
		}
		if _, err := c.Write([]byte(text + "Content-Length: 0\r\n\r\n")); err != nil {
			return err
		}
	}
	return nil
}

// pong answers each CRLF CRLF (RFC 5626, section 4.4.1), which comes as one record.
func pong(c *tls.Conn) {
	b := make([]byte, 64)
	for {
		if _, err := c.Read(b); err != nil {
			return
		}
		if _, err := c.Write([]byte("\r\n")); err != nil {
			return
		}
	}
}
