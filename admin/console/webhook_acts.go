package console

import "net/http"

// hookURL is where the API has the receiver of the page.
func (v *visit) hookURL() string { return "/webhooks/" + v.id("id") }

// setHook changes one member of a receiver, whatever version is there.
func (c *Console) setHook(name string, value bool, did string) page {
	return func(v *visit) error {
		if err := v.patch(v.hookURL(), "", map[string]any{name: value}, nil); err != nil {
			return err
		}
		return v.to(v.hookURL() + "?did=" + did)
	}
}

// testHook has something harmless sent; the page then follows what becomes of it.
func (c *Console) testHook(v *visit) error {
	var d delivery
	if err := v.post(v.hookURL()+"/test", nil, &d); err != nil {
		return err
	}
	return v.to(v.hookURL() + query("test", d.ID))
}

func (c *Console) retryDelivery(v *visit) error {
	if err := v.post(v.hookURL()+"/deliveries/"+v.id("delivery")+"/retry", nil, nil); err != nil {
		return err
	}
	return v.to(v.hookURL() + "?did=retried")
}

func (c *Console) askRotate(v *visit) error {
	h, err := v.hook()
	if err != nil {
		return err
	}
	return v.render("ask-rotate", v.t("A new secret for %s?", h.Name()), h)
}

// rotate shows the new secret, once.
func (c *Console) rotate(v *visit) error {
	var made hook
	if err := v.post(v.hookURL()+"/rotate", nil, &made); err != nil {
		return err
	}
	return v.write(http.StatusOK, "webhook-form", frame{Title: v.t("%s is ready", made.Name()), Data: hookForm{H: &made, Made: &made}})
}

func (c *Console) askWebhook(v *visit) error {
	h, err := v.hook()
	if err != nil {
		return err
	}
	return v.confirm(v.t("Delete %s?", h.Name()), h.Name(), v.t("It is told of nothing any more, and what waits for it is not sent. This cannot be undone."), v.hookURL()+"/delete", v.hookURL())
}
