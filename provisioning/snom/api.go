package snom

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/device"
	"sipward/internal/web"
)

// Routes is the table of the operators' listener.
func (s *Service) Routes() []web.Route {
	const v1 = "/api/v1"
	phones := s.phones()
	return []web.Route{
		{Method: http.MethodGet, Path: v1 + "/phones", Role: account.Auditor, Handle: s.list},
		{Method: http.MethodPost, Path: v1 + "/phones", Role: account.Operator, Handle: web.Create(phones, s.create)},
		{Method: http.MethodGet, Path: v1 + "/phones/waiting", Role: account.Auditor, Handle: s.listWaiting},
		{Method: http.MethodGet, Path: v1 + "/phones/setup", Role: account.Auditor, Handle: s.setup},
		{Method: http.MethodGet, Path: v1 + "/phones/:mac", Role: account.Auditor, Handle: phones.Show},
		{Method: http.MethodPatch, Path: v1 + "/phones/:mac", Role: account.Operator, Handle: web.Edit(phones, s.edit)},
		{Method: http.MethodDelete, Path: v1 + "/phones/:mac", Role: account.Operator, Handle: phones.Delete},
		{Method: http.MethodGet, Path: v1 + "/fetch-log", Role: account.Auditor, Handle: s.listFetches},
		{Method: http.MethodPost, Path: v1 + "/accounts/:id/check-sync", Role: account.Operator, Handle: s.checkSync},
	}
}

func (s *Service) list(c *gin.Context) error {
	scope, position, limit, err := web.Query(c, s.Cursors)
	if err != nil {
		return err
	}
	page, err := s.Phones.List(c.Request.Context(), position, limit)
	if err != nil {
		return err
	}
	list := web.List[view]{Items: make([]view, 0, len(page.Items)), Next: s.Cursors.Seal(scope, page.Next)}
	for _, p := range page.Items {
		list.Items = append(list.Items, newView(p))
	}
	c.JSON(http.StatusOK, list)
	return nil
}

func (s *Service) listWaiting(c *gin.Context) error {
	scope, position, limit, err := web.Query(c, s.Cursors)
	if err != nil {
		return err
	}
	page, err := s.Phones.Waiting(c.Request.Context(), position, limit)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, web.List[device.Waiting]{Items: append([]device.Waiting{}, page.Items...), Next: s.Cursors.Seal(scope, page.Next)})
	return nil
}

func (s *Service) listFetches(c *gin.Context) error {
	scope, position, limit, err := web.Query(c, s.Cursors, "mac")
	if err != nil {
		return err
	}
	var m device.MAC
	if q := c.Query("mac"); q != "" {
		if m, err = device.ParseMAC(q); err != nil {
			return web.Faults{{Pointer: "?mac", Code: "mac", Message: err.Error()}}.Err()
		}
	}
	page, err := s.Phones.Fetches(c.Request.Context(), m, position, limit)
	if err != nil {
		return err
	}
	c.JSON(http.StatusOK, web.List[device.Fetch]{Items: append([]device.Fetch{}, page.Items...), Next: s.Cursors.Seal(scope, page.Next)})
	return nil
}

// phones are the phones as the API serves them.
func (s *Service) phones() web.Resource[device.Phone] {
	return web.Resource[device.Phone]{
		Path: "/api/v1/phones", Find: s.phone, Fault: fault, Drop: s.drop,
		Key:  func(p device.Phone) (string, uint64) { return string(p.MAC), p.Version },
		View: func(p device.Phone) any { return newView(p) },
	}
}

func (s *Service) create(c *gin.Context, b body) (device.Phone, any, error) {
	now := s.Now().UTC()
	p := device.Phone{Created: now, Updated: now}
	var f web.Faults
	var err error
	if p.MAC, err = device.ParseMAC(b.MAC.Value); err != nil {
		f.Add("/mac", "mac", "is not accepted: "+err.Error())
	}
	if err := s.apply(c.Request.Context(), b, &p, &f); err != nil {
		return p, nil, err
	}
	token, admin := newToken(), account.NewSecret()
	s.sealToken(&p, token)
	s.sealAdmin(&p, admin)
	p, err = s.Phones.Create(c.Request.Context(), p)
	v := newView(p)
	v.URL, v.AdminPassword = s.address(token, "{mac}.xml"), admin.Reveal() // this once
	return p, v, err
}

func (s *Service) edit(c *gin.Context, b body, seen func(device.Phone) error) (p device.Phone, once any, err error) {
	before, err := s.phone(c)
	if err != nil {
		return p, nil, err
	}
	var f web.Faults
	if b.MAC.Set {
		f.Add("/mac", "read_only", "names the phone and cannot be changed: enter the other phone")
	}
	probe := before
	if err := s.apply(c.Request.Context(), b, &probe, &f); err != nil {
		return p, nil, err
	}
	token := newToken()
	p, err = s.Phones.Update(c.Request.Context(), before.MAC, func(p *device.Phone) error {
		if err := seen(*p); err != nil {
			return err
		}
		before = *p
		b.put(p, probe)
		if b.Token.Null {
			s.sealToken(p, token)
		}
		p.Updated = s.Now().UTC()
		return nil
	})
	if err == nil && before.Account != p.Account {
		err = s.leave(c.Request.Context(), before.Account)
	}
	v := newView(p)
	if b.Token.Null {
		v.URL = s.address(token, "{mac}.xml") // this once
	}
	return p, v, err
}

func (s *Service) drop(ctx context.Context, p device.Phone, version uint64) error {
	if err := s.Phones.Delete(ctx, p.MAC, version); err != nil {
		return err
	}
	return s.leave(ctx, p.Account)
}

// leave makes the password that a phone took with it worthless, once no phone has the account any more. The next phone
// that gets the account is told a new one.
func (s *Service) leave(ctx context.Context, id account.ID) error {
	if id == "" {
		return nil
	}
	others, err := s.Phones.OfAccount(ctx, id)
	if err != nil || len(others) > 0 {
		return err
	}
	_, err = s.Accounts.Update(ctx, id, func(a *account.Account) error {
		if len(a.Credential.Plain) > 0 {
			a.SetPassword(s.Ring, s.config.Domain, account.NewSecret())
			a.Updated = s.Now().UTC()
		}
		return nil
	})
	if errors.Is(err, account.ErrNotFound) {
		return nil
	}
	return err
}

func (s *Service) phone(c *gin.Context) (device.Phone, error) {
	m, err := device.ParseMAC(c.Param("mac"))
	if err != nil {
		return device.Phone{}, device.ErrNotFound
	}
	return s.Phones.ByMAC(c.Request.Context(), m)
}

func fault(err error) error {
	if errors.Is(err, device.ErrNotFound) {
		return web.NotFound("phone: list them with GET /api/v1/phones")
	}
	return err
}

// checkSync tells one registered phone to fetch its configuration.
func (s *Service) checkSync(c *gin.Context) error {
	var b struct {
		Reboot web.Opt[bool] `json:"reboot"`
	}
	if err := web.BindOptional(c, &b); err != nil {
		return err
	}
	id := account.ID(c.Param("id"))
	if !id.Valid() {
		return account.ErrNotFound
	}
	acc, err := s.Accounts.ByID(c.Request.Context(), id)
	if err != nil {
		return err
	}
	if acc.Kind != account.SNOM {
		return web.Conflict("not_snom", "only SNOM phones know check-sync: this account is of another type")
	}
	if s.Notify == nil {
		return web.Unavailable("this process has no SIP node: ask one that has", nil)
	}
	event := "check-sync;reboot=false"
	if b.Reboot.Or(false) {
		event = "check-sync;reboot=true"
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), 5*time.Second)
	defer cancel()
	contact, err := s.Notify(ctx, id, "snom", event, nil)
	if err != nil {
		return err
	}
	contact, _, _ = strings.Cut(contact, ";")
	c.JSON(http.StatusOK, struct {
		Contact string `json:"contact"`
		Event   string `json:"event"`
	}{contact, event})
	return nil
}
