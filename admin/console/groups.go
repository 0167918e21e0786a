package console

import (
	"net/url"

	"sipward/internal/apiclient"
)

// groupView is one group with the form that edits it.
type groupView struct {
	G        *apiclient.Group
	Form     form
	Profiles []profile
}

// groupsView is the page of groups.
type groupsView struct {
	Items    []apiclient.Group
	Profiles map[string]string
}

func (c *Console) groups(v *visit) (err error) {
	view := groupsView{Profiles: map[string]string{}}
	if view.Items, err = everything[apiclient.Group](v, "/groups"); err != nil {
		return err
	}
	profiles, err := everything[profile](v, "/profiles")
	for _, p := range profiles {
		view.Profiles[p.ID] = p.Name
	}
	if err != nil {
		return err
	}
	return v.render("groups", v.t("Groups"), view)
}

// group is the form of a group, new or not.
func (c *Console) group(v *visit) (err error) {
	view := groupView{Form: form{Values: url.Values{}}}
	title := v.t("New group")
	if v.r.PathValue("id") != "" {
		var g apiclient.Group
		if err := v.get("/groups/"+v.id("id"), nil, &g); err != nil {
			return err
		}
		view.G, title = &g, v.t("Edit %s", g.Name)
		view.Form.Values = url.Values{"name": {g.Name}, "it_email": {g.ITEmail}, "profile_id": {text(g.ProfileID)}, "version": {text(g.Version)}}
	}
	if view.Profiles, err = everything[profile](v, "/profiles"); err != nil {
		return err
	}
	return v.render("group", title, view)
}

func (c *Console) saveGroup(v *visit) (err error) {
	view := groupView{Form: v.filled()}
	body := view.Form.words("it_email", "profile_id")
	body["name"] = view.Form.Get("name")
	title, did := v.t("New group"), "created"
	if id := v.r.PathValue("id"); id != "" {
		view.G, title, did = &apiclient.Group{ID: id}, v.t("Edit %s", view.Form.Get("name")), "saved"
		err = v.patch("/groups/"+v.id("id"), view.Form.Get("version"), body, nil)
	} else {
		err = v.post("/groups", body, nil)
	}
	if err == nil {
		return v.to("/groups?did=" + did)
	}
	if err := v.wrong(&view.Form, err); err != nil {
		return err
	}
	if view.Profiles, err = everything[profile](v, "/profiles"); err != nil {
		return err
	}
	return v.show("group", title, view.Form, view)
}

// erase deletes what the words of the address name, and leads back.
func (c *Console) erase(api, back string, names ...string) page {
	return func(v *visit) error {
		path := api
		for _, n := range names {
			path += "/" + v.id(n)
		}
		if err := v.remove(path); err != nil {
			return err
		}
		return v.to(back + "?did=deleted")
	}
}

// sure is a question before something that has no page of its own is deleted.
type sure struct{ Name, Text, Action, Back string }

// confirm asks it.
func (v *visit) confirm(title, name, text, action, back string) error {
	return v.render("ask", title, sure{Name: name, Text: text, Action: action, Back: back})
}

func (c *Console) askGroup(v *visit) error {
	var g apiclient.Group
	if err := v.get("/groups/"+v.id("id"), nil, &g); err != nil {
		return err
	}
	return v.confirm(v.t("Delete %s?", g.Name), g.Name, v.t("Only an empty group can be deleted. This cannot be undone."), "/groups/"+g.ID+"/delete", "/groups")
}
