// Package web is the HTTP floor under the admin and the public API: a gin router that is built from a table of routes,
// bearer tokens and roles, strict JSON, entity tags, RFC 9457 problems, limits.
//
// Rules. A [Route] names the least role it needs; one without a role is refused at start, so that nothing is open by
// omission. A handler returns an error and never writes one: [Problem] is what a client may be told, [Refuse] is the only
// writer, and any other error becomes a 503 whose cause goes to the log alone. Bodies are limited, must be plain JSON
// without unknown or repeated members, and all faults of a body are told at once. The client's address is the
// connection's: X-Forwarded-For counts only from proxies that the configuration lists.
//
// RFC 9110 (entity tags), 9457 (problems), 6750 (bearer), 6585 (428, 429, 431), 7396 (merge patch), 8259 (JSON).
//
// Limits: 1 MiB a body unless its route says otherwise, JSON 16 levels deep, 10 s to send a body, 16 KiB of headers. The
// request limits are per process, not shared between nodes.
package web
