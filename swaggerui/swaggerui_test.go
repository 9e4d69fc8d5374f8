package swaggerui_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer/swaggerui"
)

// mounted is the page where an application puts it.
func mounted(opts *swaggerui.Options) *http.ServeMux {
	mux := http.NewServeMux()
	docs := swaggerui.New(opts)
	mux.Handle("GET /docs", docs)
	mux.Handle("GET /docs/", docs)
	return mux
}

func get(h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	return request(h, http.MethodGet, path, header...)
}

func request(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; " +
	"style-src-attr 'unsafe-hashes' 'sha256-De7agAeYqm6ANIVvRRW6HFWi52AJW8inhFE0gSdgXnI=' 'sha256-kFAIUwypIt04FgLyVU63Lcmp2AQimPh/TdYjy04Flxs=' 'sha256-XzJlZKVo+ff9ozww9Sr2p/2TbJXITZuaWMZ9p53zN1U='; " +
	"img-src 'self' data: blob:; media-src 'self'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

func TestPaths(t *testing.T) {
	bare := swaggerui.New(nil)
	v1 := http.StripPrefix("/v1", mounted(nil))
	for _, test := range []struct {
		name, path string
		h          http.Handler
		status     int
		want       string // the content type or the location
	}{
		{"page", "/docs/", mounted(nil), 200, "text/html; charset=utf-8"},
		{"script of ours", "/docs/page.js", mounted(nil), 200, "text/javascript; charset=utf-8"},
		{"module", "/docs/signins.js", mounted(nil), 200, "text/javascript; charset=utf-8"},
		{"module of the module", "/docs/session.js", mounted(nil), 200, "text/javascript; charset=utf-8"},
		{"style of ours", "/docs/page.css", mounted(nil), 200, "text/css; charset=utf-8"},
		{"script of Swagger UI", "/docs/swagger-ui-bundle.js", mounted(nil), 200, "text/javascript; charset=utf-8"},
		{"style of Swagger UI", "/docs/swagger-ui.css", mounted(nil), 200, "text/css; charset=utf-8"},
		{"icon", "/docs/favicon-32x32.png", mounted(nil), 200, "image/png"},
		{"small icon", "/docs/favicon-16x16.png", mounted(nil), 200, "image/png"},
		{"under a prefix", "/v1/docs/page.js", v1, 200, "text/javascript; charset=utf-8"},
		{"without a mux", "/any/where/page.js", bare, 200, "text/javascript; charset=utf-8"},

		{"no slash", "/docs", mounted(nil), 307, "./docs/"},
		{"no slash, under a prefix", "/v1/docs", v1, 307, "./docs/"},
		{"no slash, without a mux", "/any/where", bare, 307, "./where/"},
		{"no slash, and a query", "/docs?a=b", mounted(nil), 307, "./docs/"},
		{"no slash after a colon", "/javascript:x", bare, 307, "./javascript:x/"},
		{"no slash after an escape", "/a%2F%2Fhost", bare, 307, "./a%2F%2Fhost/"},
		{"two slashes", "//host/docs", bare, 307, "./docs/"},
		{"line break", "/a%0D%0Ab", bare, 307, "./a%0D%0Ab/"},

		{"no such file", "/docs/nothing", mounted(nil), 404, "text/plain; charset=utf-8"},
		{"no such file, without a mux", "/docs/nothing.js", bare, 404, "text/plain; charset=utf-8"},
		{"the page by its file's name", "/docs/index.html", mounted(nil), 404, "text/plain; charset=utf-8"},
		{"what Swagger UI has besides", "/docs/oauth2-redirect.html", mounted(nil), 404, "text/plain; charset=utf-8"},
		{"gzipped file", "/docs/swagger-ui.css.gz", mounted(nil), 404, "text/plain; charset=utf-8"},
		{"dots", "/docs/..", bare, 404, "text/plain; charset=utf-8"},
		{"dots before a name", "/docs/../swaggerui.go", bare, 404, "text/plain; charset=utf-8"},
		{"escaped dots", "/docs/%2e%2e%2fswaggerui.go", bare, 404, "text/plain; charset=utf-8"},
		{"escaped name", "/docs/page%2Ejs", bare, 307, "./page%2Ejs/"},
		{"backslashes", `/docs/..%5Cswaggerui.go`, bare, 404, "text/plain; charset=utf-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := get(test.h, test.path)
			require.Equal(t, test.status, w.Code)
			switch w.Code {
			case 200:
				require.Equal(t, policy, w.Header().Get("Content-Security-Policy"))
				require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
				require.Equal(t, "no-referrer", w.Header().Get("Referrer-Policy"))
				require.Equal(t, "no-cache", w.Header().Get("Cache-Control"))
				require.NotEmpty(t, w.Body.String())
				require.Equal(t, test.want, w.Header().Get("Content-Type"))
			case 307:
				require.Equal(t, test.want, w.Header().Get("Location"))
			default:
				require.Equal(t, test.want, w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestCachingAndCoding(t *testing.T) {
	h := mounted(nil)
	plain := get(h, "/docs/swagger-ui-bundle.js")
	zipped := get(h, "/docs/swagger-ui-bundle.js", "Accept-Encoding", "br, gzip")
	require.Empty(t, plain.Header().Get("Content-Encoding"))
	require.Equal(t, "gzip", zipped.Header().Get("Content-Encoding"))
	require.NotEqual(t, plain.Header().Get("ETag"), zipped.Header().Get("ETag"))
	for _, w := range []*httptest.ResponseRecorder{plain, zipped} {
		require.Equal(t, "Accept-Encoding", w.Header().Get("Vary"))
	}
	unzipped, err := gzip.NewReader(zipped.Body)
	require.NoError(t, err)
	content, err := io.ReadAll(unzipped)
	require.NoError(t, err)
	require.True(t, bytes.Equal(plain.Body.Bytes(), content), "the same content")

	for _, test := range []struct {
		name, path, coding, tag string
		method                  string
		status                  int
	}{
		{"page", "/docs/", "", get(h, "/docs/").Header().Get("ETag"), "GET", 304},
		{"style", "/docs/page.css", "gzip", get(h, "/docs/page.css").Header().Get("ETag"), "GET", 304},
		{"plain script", "/docs/swagger-ui-bundle.js", "", plain.Header().Get("ETag"), "GET", 304},
		{"gzipped script", "/docs/swagger-ui-bundle.js", "gzip", zipped.Header().Get("ETag"), "GET", 304},
		{"gzipped script, and the plain one's tag", "/docs/swagger-ui-bundle.js", "gzip", plain.Header().Get("ETag"), "GET", 200},
		{"another tag", "/docs/page.css", "", `"other"`, "GET", 200},
		{"HEAD", "/docs/page.css", "", "", "HEAD", 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := request(h, test.method, test.path, "If-None-Match", test.tag, "Accept-Encoding", test.coding)
			require.Equal(t, test.status, w.Code)
			require.Equal(t, test.status == 200 && test.method == "GET", w.Body.Len() > 0)
			require.Equal(t, policy, w.Header().Get("Content-Security-Policy"))
		})
	}
}

func TestAcceptEncoding(t *testing.T) {
	h := swaggerui.New(nil)
	for header, gzipped := range map[string]bool{
		"gzip": true, "GZIP": true, "br;q=1, gzip;q=0.5": true, "deflate,gzip": true, "gzip ; q=0.1": true, "gzip; q=1": true,
		"": false, "br": false, "gzip;q=0": false, "gzip; q=0.000": false, "x-gzip": false, "*": false, "identity": false, "gzip;q=x": false, ",": false,
	} {
		w := get(h, "/docs/swagger-ui.css", "Accept-Encoding", header)
		require.Equal(t, gzipped, w.Header().Get("Content-Encoding") == "gzip", "Accept-Encoding: %s", header)
		require.Equal(t, gzipped, bytes.HasPrefix(w.Body.Bytes(), []byte{0x1f, 0x8b}), "Accept-Encoding: %s", header)
	}
}

func TestOtherMethods(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		w := request(swaggerui.New(nil), method, "/docs/")
		require.Equal(t, 405, w.Code, method)
		require.Equal(t, "GET, HEAD", w.Header().Get("Allow"), method)
	}
}

func TestOptions(t *testing.T) {
	const quotes = `a"b<c>&d'`
	h := swaggerui.New(&swaggerui.Options{
		Document: "openapi.json?a=1&b=2",
		Title:    quotes,
		Origins:  []string{"https://login.example", "http://[::1]:8080"},
	})
	w := get(h, "/docs/")
	require.Contains(t, w.Body.String(), `data-document="openapi.json?a=1&amp;b=2"`)
	require.Contains(t, w.Body.String(), "<title>a&#34;b&lt;c&gt;&amp;d&#39;</title>")
	require.Contains(t, w.Body.String(), `data-title="a&#34;b&lt;c&gt;&amp;d&#39;"`)
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "; connect-src 'self' https://login.example http://[::1]:8080; ")
	require.NotContains(t, w.Body.String(), quotes)
	require.Contains(t, get(swaggerui.New(nil), "/").Body.String(), `data-document="../openapi.json"`)
}

// TestPageIsWhole: all that the page and our own files name is served beside it.
func TestPageIsWhole(t *testing.T) {
	h := mounted(nil)
	named := regexp.MustCompile(`(?:src|href)="([^"./][^"]*)"|from "\./([^"]+)"`)
	seen := map[string]bool{}
	for _, from := range []string{"", "page.js", "signins.js", "session.js"} {
		for _, found := range named.FindAllStringSubmatch(get(h, "/docs/"+from).Body.String(), -1) {
			name := found[1] + found[2]
			seen[name] = true
			require.Equal(t, 200, get(h, "/docs/"+name).Code, name)
		}
	}
	require.Len(t, seen, 8)
	page := get(h, "/docs/").Body.String()
	for _, inline := range []string{"<script>", "<style", "style=", "onclick=", "onload=", "http:", "https:"} {
		require.NotContains(t, page, inline)
	}
}

func TestNewPanics(t *testing.T) {
	for name, opts := range map[string]swaggerui.Options{
		"document":         {Document: "http://host.example:port/"},
		"origin of a path": {Origins: []string{"https://login.example/token"}},
		"origin and slash": {Origins: []string{"https://login.example/"}},
		"host alone":       {Origins: []string{"login.example"}},
		"anything":         {Origins: []string{"*"}},
		"any host":         {Origins: []string{"https://*.example"}},
		"keyword":          {Origins: []string{"'unsafe-inline'"}},
		"two":              {Origins: []string{"https://a.example https://b.example"}},
		"directive":        {Origins: []string{"https://a.example;script-src"}},
		"user":             {Origins: []string{"https://a@b.example"}},
		"other scheme":     {Origins: []string{"data://x"}},
		"empty":            {Origins: []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				message, _ := recover().(string)
				require.True(t, strings.HasPrefix(message, "swaggerui: Options."), message)
			}()
			swaggerui.New(&opts)
		})
	}
}

// TestDependencies: whoever imports the page gets Swagger UI's assets and nothing
// else.
func TestDependencies(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".").Output()
	require.NoError(t, err)
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	require.Equal(t, []string{"github.com/passbearer/passbearer/swaggerui", "github.com/swaggest/swgui"}, slices.Compact(modules))
}
