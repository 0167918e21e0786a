package sip

import (
	"sipward/sip/dialog"
	"sipward/sip/proxy"
	"sipward/sip/session"
	"sipward/sip/transport"
)

// way makes what the proxy asks for the way of a call's media; nil without a relay.
func (s *Server) way() func(proxy.Call, []*transport.Flow) (dialog.Media, error) {
	if s.deps.Relay == nil {
		return nil
	}
	ways := session.New(s.config.Session, session.Deps{Relay: s.deps.Relay, Log: s.log})
	return func(c proxy.Call, to []*transport.Flow) (dialog.Media, error) {
		return ways.Open(session.Invite{
			Account: c.Caller.ID, Caller: c.Caller.Kind, Callee: c.Callee.Kind, From: c.Server.Flow(), To: to, Message: c.Server.Request(), Body: c.Server.Request().Body(),
		})
	}
}
