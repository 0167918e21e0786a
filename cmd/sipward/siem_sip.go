package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"sipward/internal/syslog"
	"sipward/internal/telemetry"
	"sipward/sip/incident"
)

// mostIncidents of the events that wait for the collector are of the SIP side: a flood must not displace the audit log.
const mostIncidents = 4096

// offence is how an incident is told; docs/operator.md has the same table, kept by a test.
type offence struct {
	name     string
	severity int
	act      string // what the server did
}

func offences() map[incident.Kind]offence {
	return map[incident.Kind]offence{
		incident.WrongPassword:     {"wrong password", 6, "challenged"},
		incident.UnknownUser:       {"unknown user", 6, "challenged"},
		incident.TooManyFailures:   {"too many wrong passwords for an account", 7, "refused"},
		incident.OverRate:          {"source over its rate", 5, "limited"},
		incident.Banned:            {"source banned", 8, "banned"},
		incident.Connections:       {"too many connections", 5, "refused"},
		incident.ClientCertificate: {"certificate of a phone refused", 7, "refused"},
		incident.Link:              {"link of a node refused", 8, "refused"},
		incident.TLSOnly:           {"TLS-only account without TLS", 4, "refused"},
		incident.Disabled:          {"account out of service", 3, "refused"},
		incident.Takeover:          {"another account's call", 8, "refused"},
		incident.ThirdParty:        {"registration for another account", 7, "refused"},
		incident.CallLimit:         {"call over a limit", 7, "refused"},
	}
}

// told is where the SIP side tells of incidents; nil: nobody watches.
func (c *collector) told() func(incident.Incident) {
	if c == nil {
		return nil
	}
	return c.incidents.Tell
}

// Room is how many incidents may wait for the collector still.
func (c *collector) Room() int { return max(mostIncidents-c.events.Len(), 0) }

// Take queues what was gathered of incidents.
func (c *collector) Take(list []incident.Report) {
	for _, r := range list {
		c.events.Add(c.event(r))
	}
}

func (c *collector) event(r incident.Report) syslog.Event {
	o := c.offences[r.Kind]
	e := syslog.Event{At: r.Last, ID: "sip." + string(r.Kind), Name: o.name, Severity: o.severity, Fields: []syslog.Field{
		{Name: "act", Value: o.act}, {Name: "outcome", Value: "failure"}, {Name: "cnt", Value: strconv.Itoa(r.Count)},
		{Name: "start", Value: strconv.FormatInt(r.First.UnixMilli(), 10)}, {Name: "end", Value: strconv.FormatInt(r.Last.UnixMilli(), 10)},
	}}
	if !r.Source.IsValid() {
		e.Fields = append(e.Fields, syslog.Field{Name: "msg", Value: fmt.Sprintf("and %d more like these, from sources that are not named", r.Count)})
		return e
	}
	e.Fields = append(e.Fields, syslog.Field{Name: "src", Value: r.Source.String()}, syslog.Field{Name: "proto", Value: carrier(r.Network)},
		syslog.Field{Name: "cs1Label", Value: "transport"}, syslog.Field{Name: "cs1", Value: r.Network},
		syslog.Field{Name: "suser", Value: telemetry.MaskNumber(r.User, c.mask)}, syslog.Field{Name: "suid", Value: string(r.Account)},
		syslog.Field{Name: "duser", Value: telemetry.MaskNumber(r.Target, c.mask)}, syslog.Field{Name: "reason", Value: r.Detail})
	if r.Users > 1 {
		e.Fields = append(e.Fields, syslog.Field{Name: "cn1Label", Value: "users"}, syslog.Field{Name: "cn1", Value: strconv.Itoa(r.Users)})
	}
	return e
}

// carrier is what CEF calls the transport protocol.
func carrier(network string) string {
	if strings.EqualFold(network, "udp") {
		return "UDP"
	}
	return "TCP"
}

// exportUnnamed counts what is told by number alone.
func (c *collector) exportUnnamed(r prometheus.Registerer) {
	promauto.With(r).NewCounterFunc(prometheus.CounterOpts{
		Name: "sipward_incidents_unnamed_total",
		Help: "Security incidents of the SIP side that the collector of syslog.url is told by number alone: too many sources at a time, or it is away.",
	}, func() float64 { return float64(c.incidents.Unnamed()) })
}
