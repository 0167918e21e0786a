// Package header reads header values that the transport left raw: comma lists (RFC 3261 section 7.3.1), option tags, and
// name-addr values (section 20.10); those it changes in nothing: what is forwarded goes through byte for byte. It also
// writes messages and the values that the server itself puts in.
package header
