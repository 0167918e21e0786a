// Package telemetry is how sipward tells what it does: structured logs (slog), metrics (Prometheus), spans
// (OpenTelemetry, on request) and health.
//
// Rules: the logger and the registry are injected, there is no default of either; ids that belong to a request (request
// id, call id, account, node) travel in its ctx by [With] and are put on every line by the handler, so call sites stay
// clean; a fault that an attacker or a dead back-end can repeat is logged through a [Limiter], at most once a second per
// kind. Secrets are types that print as redacted (internal/account); this package never sees them in the clear.
//
// Spans name routes and methods, never addresses of requests or keys of the store: those hold tokens and numbers.
//
// The package imports nothing of ours.
package telemetry
