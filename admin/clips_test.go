package admin_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"sipward/internal/apitest"
)

const clip = "/api/v1/clips/en/account-disabled"

func put(body any, match string) apitest.Call {
	return apitest.Call{Method: http.MethodPut, Path: clip, Body: body, Type: "audio/wav", Match: match}
}

func TestAClipIsReplacedAndBroughtBack(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	shipped := api.Do(get(clip)).Want(200)
	if shipped.Body.String() != "RIFF en account-disabled" || shipped.Header().Get("Content-Type") != "audio/wav" {
		t.Errorf("%v %s", shipped.Header(), shipped.Body)
	}
	etag := shipped.Header().Get("ETag")
	api.Do(put("RIFF mine", "")).Refused(428, "if_match_required")
	api.Do(put("RIFF mine", `"5"`)).Refused(412, "stale")
	up := api.Do(put("RIFF mine", etag)).Want(200)
	if up.Get("source") != "uploaded" || up.Get("uploaded_by") != "bootstrap" || up.JSON()["duration_ms"] != 1500.0 {
		t.Errorf("got %s", up.Body)
	}
	now := api.Do(get(clip)).Want(200)
	if now.Body.String() != "RIFF mine" || now.Header().Get("ETag") != up.Header().Get("ETag") {
		t.Errorf("%v %s", now.Header(), now.Body)
	}
	api.Do(put("RIFF late", etag)).Refused(412, "stale")
	list := api.Do(get("/api/v1/clips")).Want(200)
	if items, _ := list.JSON()["items"].([]any); len(items) != 4 || strings.Count(list.Body.String(), `"uploaded"`) != 1 || strings.Count(list.Body.String(), `"duration_ms":1500`) != 4 {
		t.Errorf("got %s", list.Body)
	}
	del := apitest.Call{Method: http.MethodDelete, Path: clip, Match: now.Header().Get("ETag")}
	api.Do(del).Want(204)
	if back := api.Do(get(clip)).Want(200); back.Body.String() != "RIFF en account-disabled" {
		t.Errorf("got %s", back.Body)
	}
}

func TestBadClipsAreRefused(t *testing.T) {
	t.Parallel()
	api := apitest.Open(t)
	if p := api.Do(put("ID3 not a wave", "*")).Refused(400, "bad_wav"); !strings.Contains(p.Detail, "clip convert") {
		t.Errorf("detail %q does not name the mend", p.Detail)
	}
	api.Do(put(bytes.Repeat([]byte("RIFF"), 16<<20/4+1), "*")).Refused(413, "too_large")
	c := put("RIFF mine", "*")
	c.Type = "audio/mpeg"
	api.Do(c).Refused(415, "unsupported_media_type")
	c = put("RIFF mine", "*")
	c.Header = http.Header{"Content-Encoding": {"gzip"}}
	api.Do(c).Refused(415, "unsupported_media_type")
	for _, path := range []string{"/api/v1/clips/en/unknown", "/api/v1/clips/xx/account-disabled", "/api/v1/clips/..%2f/etc"} {
		c := put("RIFF mine", "*")
		c.Path = path
		if a := api.Do(c); a.Code != 404 {
			t.Errorf("%s: %d", path, a.Code)
		}
	}
}
