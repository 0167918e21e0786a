// Package telemetry is how sipward tells what it does: structured logs (slog), metrics (Prometheus) and health.
//
// Rules: the logger and the registry are injected, there is no default of either; ids that belong to a request (request
// id, call id, account, node) travel in its ctx by [With] and are put on every line by the handler, so call sites stay
// clean; a fault that an attacker or a dead back-end can repeat is logged through a [Limiter], at most once a second per
// kind. Secrets are types that print as redacted (internal/account); this package never sees them in the clear.
//
// The package imports nothing of ours. It does not trace.
package telemetry
