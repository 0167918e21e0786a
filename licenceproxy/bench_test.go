package licenceproxy_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"sipward/internal/licence"
)

// BenchmarkWarmCache (figures with a limit: figures_test.go) compares the answer from a warm cache with a bare gin handler that writes the same bytes, both
// behind net/http on loopback.
func BenchmarkWarmCache(b *testing.B) {
	w := open(b)
	_, token := w.phone()
	body := w.ask(token).want(b, licence.Fresh).Body.Bytes()
	gin.SetMode(gin.ReleaseMode)
	bare := gin.New()
	bare.POST("/v1/licence", func(c *gin.Context) { c.Data(http.StatusOK, "application/json", body) })
	for name, h := range map[string]http.Handler{"proxy": w.handler, "bare": bare} {
		b.Run(name, func(b *testing.B) {
			s := httptest.NewServer(h)
			defer s.Close()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			defer client.CloseIdleConnections()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, s.URL+"/v1/licence", nil)
					if err != nil {
						b.Error(err)
						return
					}
					r.Header["Authorization"] = bearer(token)
					resp, err := client.Do(r)
					if err != nil {
						b.Error(err)
						return
					}
					if resp.StatusCode != http.StatusOK || resp.ContentLength != int64(len(body)) {
						b.Errorf("status %d, %d bytes", resp.StatusCode, resp.ContentLength)
					}
					_ = resp.Body.Close()
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "answers/s")
		})
	}
}
