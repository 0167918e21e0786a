package admin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"sipward/internal/account"
	"sipward/internal/web"
)

const maxClip = 16 << 20 // bytes, as much as media reads of a clip

type clipKey struct{ language, prompt string }

// shipped is what the binary holds for a prompt in a language.
type shipped struct {
	size   int
	sha256 string
}

// clipView is the clip that is in use for a prompt and a language.
type clipView struct {
	Prompt   string     `json:"prompt"`
	Language string     `json:"language"`
	Source   string     `json:"source"` // shipped, uploaded
	Size     int        `json:"size"`   // bytes
	SHA256   string     `json:"sha256"`
	Uploaded *time.Time `json:"uploaded_at"`
	By       *string    `json:"uploaded_by"`
	Version  uint64     `json:"version"`               // 0: shipped
	Duration int64      `json:"duration_ms,omitempty"` // 0: uploaded by a version that did not note it
}

// readShipped learns which prompts there are in which language.
func readShipped(files fs.FS) (map[clipKey]shipped, error) {
	names, err := fs.Glob(files, "*/*.wav")
	if err != nil {
		return nil, fmt.Errorf("shipped clips: %w", err)
	}
	clips := make(map[clipKey]shipped, len(names))
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("shipped clips: %w", err)
		}
		lang, file := path.Split(name)
		sum := sha256.Sum256(b)
		clips[clipKey{strings.TrimSuffix(lang, "/"), strings.TrimSuffix(file, ".wav")}] = shipped{len(b), hex.EncodeToString(sum[:])}
	}
	return clips, nil
}

func (k clipKey) view(s shipped) clipView {
	return clipView{Prompt: k.prompt, Language: k.language, Source: "shipped", Size: s.size, SHA256: s.sha256}
}

func viewUpload(f account.ClipFile) clipView {
	at := f.Uploaded.UTC()
	return clipView{
		Prompt: f.Prompt, Language: f.Language, Source: "uploaded", Size: f.Size, SHA256: f.SHA256,
		Uploaded: &at, By: &f.By, Version: f.Version, Duration: f.Length.Milliseconds(),
	}
}

// measure says how long the shipped clips are. It decodes them all, so it is done when somebody asks for the first time.
func (a *API) measure() map[clipKey]time.Duration {
	all := make(map[clipKey]time.Duration, len(a.shipped))
	for k := range a.shipped {
		wav, err := fs.ReadFile(a.Shipped, k.language+"/"+k.prompt+".wav")
		if err == nil {
			all[k], _ = a.Check(bytes.NewReader(wav)) // one that cannot be played has no length
		}
	}
	return all
}

func (a *API) listClips(c *gin.Context) error {
	uploads, err := a.Clips.List(c.Request.Context())
	if err != nil {
		return err
	}
	inUse := make(map[clipKey]clipView, len(a.shipped))
	lengths := a.lengths()
	for k, s := range a.shipped {
		v := k.view(s)
		v.Duration = lengths[k].Milliseconds()
		inUse[k] = v
	}
	for _, f := range uploads {
		inUse[clipKey{f.Language, f.Prompt}] = viewUpload(f)
	}
	list := web.List[clipView]{Items: make([]clipView, 0, len(inUse))}
	for _, v := range inUse {
		list.Items = append(list.Items, v)
	}
	slices.SortFunc(list.Items, func(x, y clipView) int {
		return strings.Compare(x.Language+"/"+x.Prompt, y.Language+"/"+y.Prompt)
	})
	c.JSON(http.StatusOK, list)
	return nil
}

func (a *API) getClip(c *gin.Context) error {
	k, err := a.clip(c)
	if err != nil {
		return err
	}
	v, wav, err := a.inUse(c, k)
	if err != nil {
		return err
	}
	c.Header("ETag", web.Tag(v.Version))
	c.Header("Content-Disposition", fmt.Sprintf(`inline; filename="%s-%s.wav"`, k.language, k.prompt))
	c.Data(http.StatusOK, "audio/wav", wav)
	return nil
}

func (a *API) putClip(c *gin.Context) error {
	k, err := a.clip(c)
	if err != nil {
		return err
	}
	if err := a.matchClip(c, k); err != nil {
		return err
	}
	if err := web.CheckMedia(c, "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "application/octet-stream"); err != nil {
		return err
	}
	wav, err := io.ReadAll(c.Request.Body)
	if err != nil {
		return web.BodyFault(err)
	}
	length, err := a.Check(bytes.NewReader(wav))
	if err != nil {
		return web.Bad("bad_wav", err.Error())
	}
	sum := sha256.Sum256(wav)
	f, err := a.Clips.Put(c.Request.Context(), account.ClipFile{
		Prompt: k.prompt, Language: k.language, SHA256: hex.EncodeToString(sum[:]), Size: len(wav),
		Uploaded: a.Now().UTC(), By: web.Who(c).Label(), Length: length,
	}, wav)
	if err != nil {
		return err
	}
	return web.Changed(c, http.StatusOK, web.Tag(f.Version), viewUpload(f))
}

// deleteClip brings the shipped clip back.
func (a *API) deleteClip(c *gin.Context) error {
	k, err := a.clip(c)
	if err != nil {
		return err
	}
	if err := a.matchClip(c, k); err != nil {
		return err
	}
	err = a.Clips.Delete(c.Request.Context(), k.prompt, k.language)
	if err != nil && !errors.Is(err, account.ErrNotFound) { // nothing uploaded: the shipped clip is in use already
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// clip is the prompt and language of the address, if there are such.
func (a *API) clip(c *gin.Context) (clipKey, error) {
	k := clipKey{c.Param("language"), c.Param("prompt")}
	if _, ok := a.shipped[k]; !ok {
		return k, web.NotFound("clip: GET /api/v1/clips lists the languages and prompts")
	}
	return k, nil
}

// inUse is the uploaded clip, else the shipped one.
func (a *API) inUse(c *gin.Context, k clipKey) (clipView, []byte, error) {
	f, wav, err := a.Clips.Get(c.Request.Context(), k.prompt, k.language)
	if err == nil {
		return viewUpload(f), wav, nil
	}
	if !errors.Is(err, account.ErrNotFound) {
		return clipView{}, nil, err
	}
	wav, err = fs.ReadFile(a.Shipped, k.language+"/"+k.prompt+".wav")
	return k.view(a.shipped[k]), wav, err
}

// matchClip holds If-Match against the clip in use. Two uploads at the same moment may both pass: the last one stays.
func (a *API) matchClip(c *gin.Context, k clipKey) error {
	match, err := web.IfMatch(c)
	if err != nil {
		return err
	}
	v, _, err := a.inUse(c, k)
	if err != nil {
		return err
	}
	return match.Check(web.Tag(v.Version))
}
