// Package syslog sends events to a collector (SIEM): CEF, the common event format, in syslog messages of RFC 5424 over UDP
// (RFC 5426), TCP (RFC 6587, octet counting) or TLS (RFC 5425).
//
// A [Sender] is the writer of a journal, which keeps what waits while the collector is away. A batch that broke off is
// sent again, so a collector may see an event twice; over UDP, and over a connection that dies unseen, the last events
// may be lost: the audit log in the store is the truth, this is its copy.
//
// A Sender has one user at a time, the journal. It knows nothing of the server's nouns: who makes an [Event] does.
package syslog
