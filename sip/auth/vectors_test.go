package auth_test

import (
	"testing"

	"sipward/internal/account"
	"sipward/sip/auth"
)

// The examples of RFC 7616 section 3.9.1 (MD5 and SHA-256), of RFC 2617 section 3.5, and one for SIP computed from the
// definition: user bob, realm biloxi.com, password zanzibar.
func TestResponseVectors(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ name, user, realm, password, method, header string }{
		{
			"RFC 7616 section 3.9.1, SHA-256", "Mufasa", "http-auth@example.org", "Circle of Life", "GET",
			`Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=SHA-256,
			nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
			qop=auth, response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
			opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
		}, {
			"RFC 7616 section 3.9.1, MD5", "Mufasa", "http-auth@example.org", "Circle of Life", "GET",
			`Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=MD5,
			nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
			qop=auth, response="8ca523f5e9506fed4657c9700eebdbec",
			opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"`,
		}, {
			"RFC 2617 section 3.5, no algorithm is MD5", "Mufasa", "testrealm@host.com", "Circle Of Life", "GET",
			`Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html",
			qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
		}, {
			"SIP, INVITE, MD5", "bob", "biloxi.com", "zanzibar", "INVITE",
			`Digest username="bob", realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="sip:bob@biloxi.com",
			qop=auth, nc=00000001, cnonce="0a4f113b", response="89eb0059246c02b2f6ee02c7961d5ea3", opaque="5ccc069c403ebaf9f0171e9517f40e41"`,
		},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			h := account.HashHA1(v.user, v.realm, account.Secret(v.password))
			p, err := auth.Parse(oneLine(v.header))
			if err != nil {
				t.Fatal(err)
			}
			ha1 := h.MD5
			if p.SHA256 {
				ha1 = h.SHA256
			}
			got, sent, err := auth.Response(oneLine(v.header), v.method, ha1.Reveal())
			if err != nil || got != sent || got == "" {
				t.Errorf("response %s, want %s (%v)", got, sent, err)
			}
		})
	}
}
