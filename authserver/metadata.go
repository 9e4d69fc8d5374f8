package authserver

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/openapi"
)

// MetadataOptions are the settings of [NewMetadata].
type MetadataOptions struct {
	// JWKS is the path, below the issuer, of the keys that jwttoken.NewJWKSHandler
	// serves. Empty means that there are none, as with HS256.
	JWKS string

	// Scopes are the scopes that a client may ask for. Nil says nothing of them.
	Scopes []string
}

// NewMetadata returns the metadata of an authorization server (RFC 8414), derived
// from its endpoints: the [passbearer.TokenHandler], and what [NewRevocation] and
// [NewIntrospection] return, by their paths below the issuer ("/token"). Mount it
// at [MetadataPath] of the issuer.
//
// issuer is an https URL without query and fragment, or an http URL of this
// machine, and exactly what the tokens name as theirs: clients compare it. There is no
// authorization endpoint here, so response_types_supported is empty. Nil opts mean
// the defaults. It panics if the issuer is another text, or a handler is another.
func NewMetadata(issuer string, endpoints map[string]http.Handler, opts *MetadataOptions) http.Handler {
	mustURL("the issuer", issuer)
	m := metadata{Issuer: issuer, ResponseTypes: []string{}}
	for _, path := range slices.Sorted(maps.Keys(endpoints)) {
		m.add(below(issuer, path), endpoints[path])
	}
	if opts != nil {
		m.Scopes = opts.Scopes
		if opts.JWKS != "" {
			m.JWKS = below(issuer, opts.JWKS)
		}
	}
	if m.Token == "" {
		panic("authserver: NewMetadata: there is no passbearer.TokenHandler among the endpoints")
	}
	return newDocument(m, "Authorization server metadata", "Where this server's endpoints are (RFC 8414).")
}

// metadata is RFC 8414 §2.
type metadata struct {
	Issuer                   string   `json:"issuer"`
	Token                    string   `json:"token_endpoint"`
	JWKS                     string   `json:"jwks_uri,omitempty"`
	Scopes                   []string `json:"scopes_supported,omitempty"`
	ResponseTypes            []string `json:"response_types_supported"`
	GrantTypes               []string `json:"grant_types_supported"`
	TokenAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	Revocation               string   `json:"revocation_endpoint,omitempty"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported,omitempty"`
	Introspection            string   `json:"introspection_endpoint,omitempty"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported,omitempty"`
	ProofAlgorithms          []string `json:"dpop_signing_alg_values_supported,omitempty"`
}

func (m *metadata) add(url string, h http.Handler) {
	switch h := h.(type) {
	case *passbearer.TokenHandler:
		supported := h.Supported()
		m.Token, m.GrantTypes, m.ProofAlgorithms = url, supported.GrantTypes, supported.ProofAlgorithms
		m.TokenAuthMethods = authMethods(supported)
	case *revocation:
		m.Revocation, m.RevocationAuthMethods = url, authMethods(h.tokens.Supported())
	case *introspection:
		m.Introspection, m.IntrospectionAuthMethods = url, withSecret
	default:
		panic(fmt.Sprintf("authserver: NewMetadata: %T is no endpoint that it knows: give it the handlers as their constructors return them, and name that of keys by MetadataOptions.JWKS", h))
	}
}

var withSecret = []string{"client_secret_basic", "client_secret_post"}

// authMethods are how clients say who they are. Public ones, and none at all, send
// no secret.
func authMethods(s passbearer.Supported) []string {
	if !s.Clients {
		return []string{"none"}
	}
	return append(slices.Clip(withSecret), "none")
}

// MetadataPath is where RFC 8414 §3.1 puts an issuer's metadata: the well-known
// path, before the issuer's own.
func MetadataPath(issuer string) string {
	return "/.well-known/oauth-authorization-server" + strings.TrimSuffix(mustURL("the issuer", issuer).Path, "/")
}

// NewResourceMetadata returns the metadata of a protected resource (RFC 9728),
// derived from the guard before it: scopes, and proofs of possession. Mount it at the
// path of [ResourceMetadataURL]. The URLs of the resource and of the authorization
// servers that issue its tokens are as [NewMetadata]'s issuer; it panics if one is
// another text, or guard is nil.
func NewResourceMetadata(resource string, guard *passbearer.Guard, authorizationServers ...string) http.Handler {
	mustURL("the resource", resource)
	for _, issuer := range authorizationServers {
		mustURL("the authorization server", issuer)
	}
	if guard == nil {
		panic("authserver: NewResourceMetadata needs the Guard of the resource")
	}
	demand := guard.Demand()
	return newDocument(resourceMetadata{
		Resource:             resource,
		AuthorizationServers: authorizationServers,
		Scopes:               slices.Sorted(maps.Keys(demand.Scopes)),
		BearerMethods:        []string{"header"},
		ProofAlgorithms:      demand.ProofAlgorithms,
		RequireDPoP:          demand.RequireDPoP,
	}, "Protected resource metadata", "Who issues the tokens of this resource (RFC 9728).")
}

// resourceMetadata is RFC 9728 §2.
type resourceMetadata struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers,omitempty"`
	Scopes               []string `json:"scopes_supported,omitempty"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	ProofAlgorithms      []string `json:"dpop_signing_alg_values_supported,omitempty"`
	RequireDPoP          bool     `json:"dpop_bound_access_tokens_required,omitempty"`
}

// ResourceMetadataURL is where RFC 9728 §3.1 puts a resource's metadata, for
// [passbearer.GuardOptions.ResourceMetadata].
func ResourceMetadataURL(resource string) string {
	u := mustURL("the resource", resource)
	u.Path, u.RawPath = "/.well-known/oauth-protected-resource"+strings.TrimSuffix(u.Path, "/"), ""
	return u.String()
}

func below(issuer, path string) string {
	if !strings.HasPrefix(path, "/") {
		panic(fmt.Sprintf("authserver: the path %q does not begin with /", path))
	}
	return strings.TrimSuffix(issuer, "/") + path
}

// mustURL parses what clients will compare as text.
func mustURL(what, text string) *url.URL {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.User != nil || strings.ContainsAny(text, "?#") || u.String() != text:
		panic(fmt.Sprintf("authserver: %s, %q, is no URL of scheme, host and path alone", what, text))
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		panic(fmt.Sprintf("authserver: %s, %q, is no https URL, which all but those of this machine have to be", what, text))
	}
	return u
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// document is JSON that does not change while the program runs, and that pages of
// every origin may read.
type document struct {
	text []byte
	etag string
	op   openapi.Operation
}

func newDocument(v any, summary, description string) *document {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings always encode
	}
	sum := sha256.Sum256(text)
	return &document{text, `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`, openapi.Operation{
		Summary: summary, Description: description,
		Responses: map[int]openapi.Response{http.StatusOK: {Description: "The metadata", Body: json.RawMessage(`{"type":"object"}`)}},
	}}
}

func (d *document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Content-Type", "application/json")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		io.WriteString(w, `{"detail":"Use GET"}`+"\n")
		return
	}
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("ETag", d.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.text))
}

var _ openapi.Describer = (*document)(nil)

// DescribeOperation is for [openapi.API.Handle].
func (d *document) DescribeOperation() openapi.Operation { return d.op }
