// Package openapi mounts handlers on an http.ServeMux and describes them in an
// OpenAPI 3.1 document, which it serves as /openapi.json beside them.
//
// Begin with [New] and mount each handler with [API.Handle] instead of the mux's
// own Handle. What a route demands is taken from the handler itself, which a
// [passbearer.Guard] made, and the document's OAuth2 password flow from the
// [passbearer.TokenHandler] that answers to it, so neither is written twice and
// the document cannot say anything else than what is enforced. Whatever a
// document has besides (summaries, bodies, parameters) is optional: it is given
// to Handle in an [Operation], or merged in from a document written by hand with
// [API.Merge].
//
// All URLs in the document are relative to its own. So it holds under any prefix
// that http.StripPrefix or a proxy takes away.
//
// Out of scope: decoding and validating requests, and generating code.
package openapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"
)

// API is an http.Handler that serves what was mounted on it, and the document
// about it. Make it with [New]. It is safe for concurrent use.
type API struct {
	title, version string
	opts           Options
	mux            *http.ServeMux

	mu     sync.Mutex
	routes registry
	merged []*manuscript
	built  []byte // nil when there is something new
	etag   string
}

// Options are the settings of an [API]. The zero value is usual.
type Options struct {
	// Mux is what the handlers are mounted on. Nil means one of the API's own.
	Mux *http.ServeMux

	// Description introduces the API, in CommonMark.
	Description string

	// SchemeName is the name of the security scheme. Empty means
	// "OAuth2PasswordBearer", or "HTTPBearer" where there is no token endpoint.
	SchemeName string

	// TokenURL is that of a token endpoint elsewhere, relative to the document's
	// or not. Empty means the [passbearer.TokenHandler] that is mounted.
	TokenURL string

	// Schemas makes schemas of Go values. Nil means that all are given as
	// json.RawMessage.
	Schemas Schemer

	// Docs is the documentation page, mounted at /docs and below /docs/. Nil
	// means none.
	Docs http.Handler
}

var componentName = regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)

// New returns an API whose document has that title and version; nil options mean
// the defaults. GET /openapi.json is mounted at once. New panics without a title
// or a version, or if an option is one that a document cannot have.
func New(title, version string, opts *Options) *API {
	if title == "" || version == "" {
		panic("openapi: New needs the API's title and its version, such as \"1.0\"")
	}
	a := &API{title: title, version: version, routes: newRegistry()}
	if opts != nil {
		a.opts = *opts
	}
	if a.opts.SchemeName != "" && !componentName.MatchString(a.opts.SchemeName) {
		panic("openapi: Options.SchemeName has other characters than a-z, A-Z, 0-9, dot, hyphen and underscore")
	}
	if _, err := url.Parse(a.opts.TokenURL); err != nil {
		panic("openapi: Options.TokenURL is not a URL: " + err.Error())
	}
	if a.mux = a.opts.Mux; a.mux == nil {
		a.mux = http.NewServeMux()
	}
	a.mux.HandleFunc("GET /openapi.json", a.serveDocument)
	if a.opts.Docs != nil {
		a.mux.Handle("GET /docs", a.opts.Docs)
		a.mux.Handle("GET /docs/", a.opts.Docs)
	}
	return a
}

// Handle mounts h on the mux under the pattern, and describes it: the path and
// its parameters as the pattern says, the security as h does, and the rest as op
// says, of which there is at most one. It panics as http.ServeMux does, and with
// the mend if the route cannot be described as it is.
func (a *API) Handle(pattern string, h http.Handler, op ...Operation) {
	if len(op) > 1 {
		panic("openapi: Handle takes at most one Operation")
	}
	http.NewServeMux().Handle(pattern, h) // panics unless it is a pattern and a handler
	a.mu.Lock()
	defer a.mu.Unlock()
	var described Operation
	if len(op) == 1 {
		described = op[0]
	}
	if err := a.handle(pattern, h, described); err != nil {
		panic(fmt.Sprintf("openapi: Handle(%q): %v", pattern, err))
	}
}

func (a *API) handle(pattern string, h http.Handler, op Operation) error {
	rt, err := newRoute(pattern, h, op)
	if err != nil {
		return err
	}
	if rt.token != nil && !rt.hidden() && a.opts.TokenURL != "" {
		return fmt.Errorf("this is a token endpoint, and Options.TokenURL tells of another: leave that out, or set Operation.Hidden")
	}
	if !rt.hidden() {
		if rt.op, err = rt.op.withSchemas(a.schema); err != nil {
			return err
		}
	}
	if err := a.routes.check(rt); err != nil {
		return err
	}
	a.mux.Handle(pattern, h)
	a.routes.add(rt)
	a.built = nil
	if len(a.merged) == 0 {
		return nil
	}
	_, err = a.document()
	return err
}

// ServeHTTP serves the mux.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

// Document returns the document as it is served, in JSON. It fails only if a
// handler that was mounted on the mux since contradicts a document merged before.
func (a *API) Document() ([]byte, error) {
	text, _, err := a.current()
	return bytes.Clone(text), err
}

func (a *API) current() (text []byte, etag string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.built == nil {
		doc, err := a.document()
		if err != nil {
			return nil, "", fmt.Errorf("openapi: %w", err)
		}
		a.built = encode(doc)
		sum := sha256.Sum256(a.built)
		a.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	}
	return a.built, a.etag, nil
}

func (a *API) serveDocument(w http.ResponseWriter, r *http.Request) {
	text, etag, err := a.current()
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("X-Content-Type-Options", "nosniff")
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		json.NewEncoder(w).Encode(map[string]string{"detail": "The API's document contradicts its routes"})
		return
	}
	header.Set("Cache-Control", "no-cache") // it may be kept, and is asked for again
	header.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}
