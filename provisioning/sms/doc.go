// Package sms sends SMS: through a gateway that speaks HTTP ([HTTP], with presets for common ones), or into a file
// ([File], for development). SMPP is the package below.
//
// HTTP. Method, address, headers and body are templates over {{.To}}, {{.Text}}, {{.Ref}}, {{.From}}, {{.User}},
// {{.Password}}, {{.Callback}}; each value is escaped for its place (query, form, JSON), so a text cannot become a
// parameter. The host is the configuration's and no template reaches it; redirects are not followed; addresses that are
// never a gateway's (link-local, so cloud metadata; unspecified; multicast) are refused when the connection is made, and
// loopback and private ones unless the configuration allows them. Receipts come to an address that holds a secret.
//
// Limits: 64 KiB of an answer are read; 20 s for one request.
package sms
