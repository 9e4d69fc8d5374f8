// Package swaggerui serves a docs page: Swagger UI, with a sign-in that lasts.
// Whoever signs in by its Authorize dialog, with the document's oauth2 password
// flow, stays signed in: the page refreshes the access token before it expires,
// or when it is refused. Logout ends the session on the server too.
//
// [New] makes the handler, for openapi.Options.Docs or to be mounted at "GET /docs"
// and "GET /docs/".
//
// All of the page comes from this binary, under a Content-Security-Policy that
// allows no inline script, no style sheet in the page and no other host. Its
// tokens are in the memory of the page alone: a reload signs out.
//
// Out of scope: OAuth flows that lead through a page of the authorization server.
package swaggerui

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Options are the settings of the page. The zero value is usual.
type Options struct {
	// Document is the URL of the OpenAPI document, as a rule relative to the
	// page's folder. The document's tokenUrl, refreshUrl and x-revocationUrl are
	// relative to it. Empty means "../openapi.json".
	Document string

	// Title is the page's title. Empty means the document's.
	Title string

	// Origins are those beside its own that the page may send requests to, each
	// as "https://login.example": where the document names a token endpoint
	// or a server elsewhere, which must allow it too (CORS). Nil means none.
	Origins []string
}

// New returns the handler of the page and of what belongs to it, which is safe for
// concurrent use; nil options mean the defaults. It looks at the end of a
// request's path alone, so that it serves under any prefix. New panics if Document
// is not a URL, or an entry of Origins not an origin.
func New(opts *Options) http.Handler {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	if o.Document == "" {
		o.Document = "../openapi.json"
	}
	if _, err := url.Parse(o.Document); err != nil {
		panic("swaggerui: Options.Document is not a URL: " + err.Error())
	}
	p := &page{policy: policy(o.Origins), files: files()}
	p.files[""] = newFile("text/html; charset=utf-8", index(o))
	return p
}

func index(o Options) []byte {
	var b bytes.Buffer
	if err := template.Must(template.ParseFS(own, "page/index.html")).Execute(&b, o); err != nil {
		panic(err) // the template is our own
	}
	return b.Bytes()
}

// policy returns the Content-Security-Policy, as strict as Swagger UI bears:
//   - its style sheet has its icons as data: images, and an answer that is an
//     image is shown from a blob: URL, one that is audio from where it came;
//   - React sets style attributes by script, which no policy forbids. Only the
//     columns of a table in a description are aligned by such text, which the
//     sanitizer takes away: browsers complain of it unless the policy has its hash.
func policy(origins []string) string {
	connect := "'self'"
	for _, origin := range origins {
		if !isOrigin(origin) {
			panic(fmt.Sprintf("swaggerui: Options.Origins has %q: write it as https://login.example, without a path", origin))
		}
		connect += " " + origin
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"style-src-attr 'unsafe-hashes' " + hashes("text-align:left", "text-align:center", "text-align:right"),
		"img-src 'self' data: blob:",
		"media-src 'self'",
		"connect-src " + connect,
		"frame-ancestors 'none'",
		"base-uri 'none'",
		"form-action 'none'",
	}, "; ")
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" &&
		s == u.Scheme+"://"+u.Host && !strings.ContainsAny(s, ";,*'")
}

func hashes(styles ...string) string {
	var list []string
	for _, style := range styles {
		sum := sha256.Sum256([]byte(style))
		list = append(list, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	return strings.Join(list, " ")
}

type page struct {
	policy string
	files  map[string]*file
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Use GET", http.StatusMethodNotAllowed)
		return
	}
	path := r.URL.EscapedPath()
	name := path[strings.LastIndexByte(path, '/')+1:]
	switch f := p.files[name]; {
	case f != nil:
		p.serve(w, r, f)
	case strings.HasSuffix(r.Pattern, "/") || strings.Contains(name, "."):
		http.NotFound(w, r)
	default: // the folder without its slash, from which the page's URLs would lead elsewhere
		// Relative, and not by http.Redirect, which makes it absolute: a proxy may
		// have changed the path. "./" keeps a colon from making it another scheme.
		w.Header().Set("Location", "./"+name+"/")
		w.WriteHeader(http.StatusTemporaryRedirect)
	}
}

func (p *page) serve(w http.ResponseWriter, r *http.Request, f *file) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache") // an update shows at once, and costs an answer of 304 otherwise
	h.Set("Content-Type", f.contentType)
	content := f.choose(h, r)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}
