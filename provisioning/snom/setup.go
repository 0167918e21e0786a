package snom

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"sipward/internal/web"
)

// setup answers what a network needs to send its phones here: the address, for the phone's certificate to open, and what
// to paste into common DHCP servers. It holds no secret: a token never goes into DHCP, which tells everybody.
func (s *Service) setup(c *gin.Context) error {
	if _, _, _, err := web.Query(c, s.Cursors); err != nil {
		return err
	}
	where := s.address("", "{mac}.xml")
	list, err := s.redirections(c.Request.Context())
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, struct {
		URL         string `json:"url"`
		Certificate bool   `json:"certificate"` // factory certificates are believed: tls.snom_ca is set
		DHCPD       string `json:"dhcpd"`
		Dnsmasq     string `json:"dnsmasq"`
		Kea         string `json:"kea"`
		SRAPS       string `json:"sraps_csv"`
	}{where, s.Factory != nil, snippet(dhcpd, where), snippet(dnsmasq, where), snippet(kea, where), list})
	return nil
}

// redirections is a file for the vendor's redirection service (SRAPS): each phone that is entered, and where it is to go.
// It is empty while only a token opens that address, for a list of tokens is nothing to show.
func (s *Service) redirections(ctx context.Context) (string, error) {
	if s.Factory == nil {
		return "", nil
	}
	var b strings.Builder
	b.WriteString("mac,url\r\n")
	for cursor := ""; ; {
		page, err := s.Phones.List(ctx, cursor, 1000)
		if err != nil {
			return "", err
		}
		for _, p := range page.Items {
			b.WriteString(string(p.MAC) + "," + s.address("", string(p.MAC)+".xml") + "\r\n") // neither holds a comma
		}
		if cursor = page.Next; cursor == "" {
			return b.String(), nil
		}
	}
}

// The snippets: option 66 has the whole address, 67 nothing; the vendor class is snom and the model.
const (
	dhcpd = `class "snom" {
  match if substring(option vendor-class-identifier, 0, 4) = "snom";
  option tftp-server-name "URL";
  option bootfile-name "";
}
`
	dnsmasq = `dhcp-vendorclass=set:snom,snom
dhcp-option=tag:snom,66,"URL"
`
	kea = `{ "name": "snom", "test": "substring(option[60].hex,0,4) == 'snom'",
  "option-data": [ { "name": "tftp-server-name", "data": "URL" } ] }
`
)

func snippet(s, where string) string { return strings.ReplaceAll(s, "URL", where) }
