package snom

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/device"
	"sipward/internal/web"
)

// maxWaiting bounds the list of phones that wait to be entered.
const maxWaiting = 500

// PublicRoutes is the table of the listener that phones reach. Old firmware fetches by POST as well.
func (s *Service) PublicRoutes() []web.Route {
	var routes []web.Route
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		routes = append(routes,
			web.Route{Method: method, Path: "/p/:token/:file", Role: web.Public, MaxBody: 64 << 10, Handle: func(c *gin.Context) error {
				return s.fetch(c, true, c.Param("token"), c.Param("file"))
			}},
			web.Route{Method: method, Path: "/p/:token", Role: web.Public, MaxBody: 64 << 10, Handle: func(c *gin.Context) error {
				return s.fetch(c, false, "", c.Param("token")) // the only part is the file's name
			}})
	}
	return routes
}

// The names of files: a model's general one, a phone's own in two forms, and the one with its firmware.
var (
	reGeneral  = regexp.MustCompile(`(?i)^(snom[a-z0-9]{2,8})\.html?$`)
	reOwn      = regexp.MustCompile(`(?i)^(?:(snom[a-z0-9]{2,8})-)?([0-9a-f]{12})\.(?:xml|html?)$`)
	reFirmware = regexp.MustCompile(`(?i)^firmware-([0-9a-f]{12})\.xml$`)
)

// request is one fetch on its way to its verdict.
type request struct {
	facts
	agent    Agent
	file     string
	firmware bool // it is the firmware document
	token    string
	phone    device.Phone
	account  account.ID
	address  netip.Addr
}

func (s *Service) fetch(c *gin.Context, tokened bool, token, file string) error {
	ctx := c.Request.Context()
	r, err := s.examine(c, tokened, token, file)
	if err != nil {
		return err
	}
	v := decide(r.facts)
	if v.Guess {
		if wait := s.guesses.wait(r.address); wait > 0 {
			return web.TooMany(wait)
		}
		s.guesses.count(r.address)
	}
	var body []byte
	var tag string
	if v.Status == http.StatusOK {
		if body, tag, v, err = s.answer(c, r); err != nil {
			return err
		}
	}
	s.note(ctx, r, v, tag)
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	if tag != "" {
		h.Set("ETag", tag)
	}
	switch v.Status {
	case http.StatusOK:
		c.Data(http.StatusOK, "application/xml; charset=utf-8", body)
	case http.StatusNotModified:
		c.Status(v.Status)
	default: // one body for all: it says nothing of why
		c.String(v.Status, http.StatusText(v.Status)+"\n")
	}
	return nil
}

// examine gathers the facts.
func (s *Service) examine(c *gin.Context, tokened bool, token, file string) (r request, err error) {
	ctx := c.Request.Context()
	r.agent, r.file, r.Tokened = ParseAgent(c.Request.UserAgent()), file, tokened
	r.address, _ = netip.ParseAddr(c.ClientIP()) // an invalid one is in no network
	r.address = r.address.Unmap()
	r.Agent, r.Cert = r.agent.MAC, s.certified(c.Request)
	for _, n := range s.config.Networks {
		r.Network = r.Network || n.Contains(r.address)
	}
	r.name()
	if tokened {
		p, err := s.Phones.ByToken(ctx, sha256.Sum256([]byte(token)))
		switch {
		case err == nil:
			r.Token, r.token, r.Phone = true, token, p.MAC
		case !errors.Is(err, device.ErrNotFound):
			return r, err
		}
	}
	if !r.proven() {
		return r, nil // whether the phone is known is none of their business
	}
	return r, s.know(ctx, &r)
}

// name reads the file's name.
func (r *request) name() {
	switch own, pin := reOwn.FindStringSubmatch(r.file), reFirmware.FindStringSubmatch(r.file); {
	case own != nil:
		r.URL, _ = device.ParseMAC(own[2])
	case pin != nil:
		r.URL, _ = device.ParseMAC(pin[1])
		r.firmware = true
	case reGeneral.MatchString(r.file):
		r.General = true
	default:
		r.Strange = true
	}
}

// mac is the phone the request is about, by its best proof.
func (r *request) mac() device.MAC {
	for _, m := range []device.MAC{r.Phone, r.Cert, r.URL, r.Agent} {
		if m != "" {
			return m
		}
	}
	return ""
}

// know looks the phone and its account up.
func (s *Service) know(ctx context.Context, r *request) error {
	p, err := s.Phones.ByMAC(ctx, r.mac())
	if errors.Is(err, device.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r.phone, r.Known = p, true
	r.Strange = r.Strange || r.firmware && p.Firmware == ""
	if p.Account == "" {
		return nil
	}
	acc, err := s.Accounts.ByID(ctx, p.Account)
	if errors.Is(err, account.ErrNotFound) {
		return nil
	}
	r.account, r.Assigned, r.State = acc.ID, err == nil && acc.Kind == account.SNOM, acc.State() // an app's account is no desk phone's
	return err
}

// certified is the MAC in a factory certificate that a configured issuer vouches for; the handshake has proven that the
// phone has its key.
func (s *Service) certified(r *http.Request) device.MAC {
	if s.Factory == nil || r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	leaf, others := r.TLS.PeerCertificates[0], x509.NewCertPool()
	for _, c := range r.TLS.PeerCertificates[1:] {
		others.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: s.Factory, Intermediates: others, CurrentTime: s.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return ""
	}
	m, err := device.ParseMAC(leaf.Subject.CommonName)
	if err != nil {
		return ""
	}
	return m
}

// answer makes the document of a request that gets one, and decides once more with what it says.
func (s *Service) answer(c *gin.Context, r request) (body []byte, tag string, v verdict, err error) {
	proof := r.token
	if proof == "" && r.Cert == "" && r.Known { // from a network that needs no proof: from now on the phone has one
		if proof, _, err = s.open(r.phone); err != nil {
			return nil, "", v, err
		}
	}
	switch {
	case r.General:
		file := "{mac}.xml"
		if m := r.mac(); m != "" {
			file = string(m) + ".xml"
		}
		body, err = files(s.address(r.token, file))
		return body, "", decide(r.facts), err
	case r.firmware:
		body, err = firmware(r.phone.Firmware)
		return body, "", decide(r.facts), err
	}
	if body, tag, r.State, err = s.render(c.Request.Context(), r.phone, proof); err != nil {
		return nil, "", v, err
	}
	r.Unchanged = strings.TrimPrefix(c.GetHeader("If-None-Match"), "W/") == tag
	return body, tag, decide(r.facts), nil
}

// note writes the fetch log, the phone's record, the waiting list, and the line for the operator's eye. It must not keep
// a phone from its configuration: what fails is told and left.
func (s *Service) note(ctx context.Context, r request, v verdict, tag string) {
	f := device.Fetch{
		At: s.Now().UTC(), MAC: r.mac(), Account: r.account, Address: r.address.String(), Status: v.Status, Result: v.Result,
		Model: r.agent.Model, Firmware: r.agent.Firmware, Config: tag,
	}
	if r.General || r.URL != "" {
		f.File = r.file // a name that is none of ours may hold anything
	}
	err := s.Phones.Log(ctx, f, r.Known)
	if v.Wait && r.mac() != "" {
		proof := "network"
		if r.Cert != "" {
			proof = "certificate"
		}
		w := device.Waiting{MAC: r.mac(), Model: f.Model, Firmware: f.Firmware, Address: f.Address, Proof: proof, Last: f.At}
		err = errors.Join(err, s.Phones.See(ctx, w, maxWaiting))
	}
	if r.Known && tag != "" {
		_, failed := s.Phones.Update(ctx, r.phone.MAC, func(p *device.Phone) error {
			p.Last, p.Model, p.Running, p.Served = &f, f.Model, f.Firmware, tag
			return nil
		})
		err = errors.Join(err, failed)
	}
	if err != nil {
		s.Log.WarnContext(ctx, "snom: a fetch is not recorded", "err", err)
	}
	if v.Security {
		s.Log.LogAttrs(ctx, slog.LevelWarn, "snom: a phone asked for what is another's", slog.String("result", v.Result),
			slog.String("mac", string(f.MAC)), slog.String("address", f.Address), slog.String("status", strconv.Itoa(v.Status)))
	}
}
