// Package mail sends e-mail: by SMTP ([SMTP]), or into a folder ([File], for development).
//
// A message has a text and an HTML part and, when it carries a link to scan, the QR picture inline; it says that a machine
// wrote it (RFC 3834) and keeps its Message-ID over all attempts, so that a mailbox can tell a repetition. The connection
// is TLS from the start, or by STARTTLS, and refused without; the certificate is checked. A server that is away, or asks
// to wait (4xx), is tried again; what it refuses for good (5xx) is not.
package mail
