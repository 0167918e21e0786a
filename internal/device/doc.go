// Package device is the SNOM desk phone as the server knows it: the phone and its account, the phones that asked and that
// nobody knows, and what was fetched when. Layer 0: no I/O, the standard library only.
//
// A phone is named by its MAC address: 12 hexadecimal digits in upper case, as it is printed on its back.
package device
