package header_test

import (
	"bytes"
	"testing"

	gosip "github.com/emiago/sipgo/sip"

	"sipward/sip/header"
)

// written is what sipgo writes of a message without body up to the empty line.
func written(m gosip.Message) string {
	var b bytes.Buffer
	m.StringWrite(&b)
	return b.String()[:b.Len()-len("\r\n")]
}

// alike checks that AppendHead writes what sipgo writes.
func alike(t *testing.T, m gosip.Message) {
	t.Helper()
	got, headers := header.AppendHead([]byte("before "), m)
	if want := "before " + written(m); string(got) != want {
		t.Errorf("AppendHead = %q\nwant          %q", got, want)
	}
	if n := len(m.(header.Message).Headers()); headers != n {
		t.Errorf("%d headers, want %d", headers, n)
	}
}

func TestAppendHeadWritesWhatSipgoWrites(t *testing.T) {
	t.Parallel()
	length, forwards, id := gosip.ContentLengthHeader(12), gosip.MaxForwardsHeader(70), gosip.CallIDHeader("a@b")
	kind := gosip.ContentTypeHeader("application/sdp")
	params := gosip.HeaderParams{{K: "tag", V: "x"}, {K: "lr"}, {K: "text", V: "a b"}, {K: "tab", V: "a\tb"}}
	var tel gosip.Uri
	if err := gosip.ParseUri("tel:+39055", &tel); err != nil {
		t.Fatal(err)
	}
	for _, uri := range []gosip.Uri{
		{Host: "example.com"}, {Scheme: "sips", User: "alice", Password: "p", Host: "192.0.2.1", Port: 5061}, tel,
		{Scheme: "sip", User: "a", Host: "2001:db8::1", UriParams: params, Headers: params}, {Scheme: "sip", Host: "[2001:db8::1]", Port: 1},
		{Scheme: "sip", Host: "::ffff:192.0.2.1"}, {Scheme: "http", HierarhicalSlashes: true, Host: "x"}, {Scheme: "sip", Host: "a:b"},
	} {
		r := gosip.NewRequest(gosip.INVITE, uri)
		r.AppendHeader(&gosip.ViaHeader{ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: "UDP", Host: uri.Host, Port: uri.Port, Params: params})
		r.AppendHeader(&gosip.FromHeader{DisplayName: `A \"quoted\" name`, Address: uri, Params: params})
		r.AppendHeader(&gosip.ToHeader{Address: uri})
		r.AppendHeader(&gosip.CSeqHeader{SeqNo: 1<<31 - 1, MethodName: gosip.INVITE})
		r.AppendHeader(&gosip.ContactHeader{Address: uri, Params: params})
		for _, h := range []gosip.Header{&length, &forwards, &id, &kind, gosip.NewHeader("Subject", "x, y")} {
			r.AppendHeader(h)
		}
		alike(t, r)
		res := gosip.NewResponse(180, "Ringing")
		res.AppendHeader(r.From())
		alike(t, res)
	}
}

func TestCompleteGivesOneContentLength(t *testing.T) {
	t.Parallel()
	r := request("Subject", "x")
	header.Complete(r)
	header.Complete(r)
	if got := header.Values(r, "content-length"); len(got) != 1 || got[0] != "0" {
		t.Errorf("Content-Length of an empty request: %q", got)
	}
	raw := request("content-length", "3")
	header.Complete(raw)
	if got := header.Values(raw, "content-length"); len(got) != 1 || got[0] != "3" {
		t.Errorf("Content-Length that was there: %q", got)
	}
	r = request()
	header.SetBody(r, []byte("abc"))
	if got := header.First(r, "content-length"); got != "3" || string(r.Body()) != "abc" {
		t.Errorf("Content-Length %q of body %q", got, r.Body())
	}
}
