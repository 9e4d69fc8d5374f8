package passbearer_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
)

// withClients has the confidential client "web app" with the secret "s3cr:et&"
// and the public client "phone".
func withClients(t testing.TB) *endpoint {
	t.Helper()
	clients := memstore.New()
	require.NoError(t, clients.AddClient(t.Context(), passbearer.Client{ID: "web app", SecretHash: passbearer.ClientSecretHash("s3cr:et&")}))
	require.NoError(t, clients.AddClient(t.Context(), passbearer.Client{ID: "phone", Public: true}))
	require.NoError(t, clients.AddClient(t.Context(), passbearer.Client{ID: "hashless"})) // a store lost it, and it is not public for that
	return newEndpoint(t, func(o *passbearer.TokenHandlerOptions) { o.Clients, o.ClientID = clients, "unused" })
}

func basic(text string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(text))
}

func TestClientAuthentication(t *testing.T) {
	const good = "web+app:s3cr%3Aet%26" // RFC 6749 §2.3.1: form-urlencoded
	for _, tt := range []struct {
		name   string
		header []string // Authorization
		pairs  []string
		status int
		code   string // of the error, or the client_id
	}{
		{"Basic", []string{basic(good)}, nil, 200, "web app"},
		{"basic in lower case, spaces", []string{"basic   " + basic(good)[6:]}, nil, 200, "web app"},
		{"Basic and the same client_id", []string{basic(good)}, []string{"client_id", "web app"}, 200, "web app"},
		{"Basic, public", []string{basic("phone:")}, nil, 200, "phone"},
		{"body", nil, []string{"client_id", "web app", "client_secret", "s3cr:et&"}, 200, "web app"},
		{"body, public", nil, []string{"client_id", "phone"}, 200, "phone"},
		{"body, public, empty secret", nil, []string{"client_id", "phone", "client_secret", ""}, 200, "phone"},
		{"empty Basic counts as none", []string{"Basic Og=="}, []string{"client_id", "phone"}, 200, "phone"},
		{"empty header counts as none", []string{""}, []string{"client_id", "phone"}, 200, "phone"},

		{"CA-001: none", nil, nil, 401, "invalid_client"},
		{"empty Basic alone", []string{"Basic Og=="}, nil, 401, "invalid_client"},
		{"CA-002: not base64", []string{"Basic %%%"}, nil, 401, "invalid_client"},
		{"base64 with bits left over", []string{"Basic cGhvbmU6e9=="}, nil, 401, "invalid_client"},
		{"no credentials in Basic", []string{"Basic"}, nil, 401, "invalid_client"},
		{"CA-003: no colon", []string{basic("noColon")}, nil, 401, "invalid_client"},
		{"CA-004: no id", []string{basic(":s3cr%3Aet%26")}, nil, 401, "invalid_client"},
		{"not form-urlencoded", []string{basic("web%zz:x")}, nil, 401, "invalid_client"},
		{"secret not form-urlencoded", []string{basic("web+app:%zz")}, nil, 401, "invalid_client"},
		{"not UTF-8", []string{basic("web%ff:x")}, nil, 401, "invalid_client"},
		{"NUL", []string{basic("web%00app:x")}, nil, 401, "invalid_client"},
		{"CA-006: unknown", nil, []string{"client_id", "nobody", "client_secret", "s3cr:et&"}, 401, "invalid_client"},
		{"unknown, no secret", nil, []string{"client_id", "nobody"}, 401, "invalid_client"},
		{"CA-007: wrong secret", nil, []string{"client_id", "web app", "client_secret", "s3cr:et"}, 401, "invalid_client"},
		{"no secret", nil, []string{"client_id", "web app"}, 401, "invalid_client"},
		{"CA-008: secret in another case", nil, []string{"client_id", "web app", "client_secret", "S3cr:et&"}, 401, "invalid_client"},
		{"CA-008: secret and a space", nil, []string{"client_id", "web app", "client_secret", "s3cr:et& "}, 401, "invalid_client"},
		{"the hash as the secret", nil, []string{"client_id", "web app", "client_secret", passbearer.ClientSecretHash("s3cr:et&")}, 401, "invalid_client"},
		{"confidential without a hash", nil, []string{"client_id", "hashless"}, 401, "invalid_client"},
		{"the same, with a secret", nil, []string{"client_id", "hashless", "client_secret", "x"}, 401, "invalid_client"},
		{"CA-014: public with a secret", nil, []string{"client_id", "phone", "client_secret", "x"}, 401, "invalid_client"},
		{"CA-015: assertion", nil, []string{"client_id", "phone", "client_assertion", "x"}, 401, "invalid_client"},
		{"CA-015: assertion type", nil, []string{"client_id", "phone", "client_assertion_type", "x"}, 401, "invalid_client"},
		{"CA-016: Bearer", []string{"Bearer abc"}, []string{"client_id", "phone"}, 401, "invalid_client"},
		{"CA-017: 10 KiB", nil, []string{"client_id", strings.Repeat("c", 10<<10)}, 401, "invalid_client"},
		{"CA-017: SQL", nil, []string{"client_id", "' or 1=1 --"}, 401, "invalid_client"},

		{"CA-010: header and body secret", []string{basic(good)}, []string{"client_secret", "s3cr:et&"}, 400, "invalid_request"},
		{"CA-011: two ids", []string{basic(good)}, []string{"client_id", "phone"}, 400, "invalid_request"},
		{"two headers", []string{basic(good), basic(good)}, nil, 400, "invalid_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := withClients(t)
			r := tokenRequest(append([]string{"username", "johndoe", "password", "secret"}, tt.pairs...)...)
			if tt.header != nil {
				r.Header["Authorization"] = tt.header
			}
			w := serve(e, r)
			require.Equal(t, tt.status, w.Code, w.Body)
			require.NotContains(t, w.Body.String(), "s3cr")
			if tt.status == 200 {
				require.Equal(t, tt.code, e.issuer.last().ClientID)
				return
			}
			require.Contains(t, w.Body.String(), `"error":"`+tt.code+`"`)
			challenge := ""
			if tt.code == "invalid_client" {
				require.Equal(t, []passbearer.EventKind{passbearer.EventClientRefused}, e.events.kinds())
				if len(tt.header) > 0 && tt.header[0] != "Basic Og==" {
					challenge = `Basic realm="token"` // RFC 6749 §5.2: only where the header was used
				}
			}
			require.Equal(t, challenge, w.Header().Get("WWW-Authenticate"))
		})
	}
}

func TestUnknownClientIsLikeAWrongSecret(t *testing.T) {
	e := withClients(t)
	unknown := serve(e, tokenRequest("username", "johndoe", "password", "secret", "client_id", "nobody", "client_secret", "x"))
	wrong := serve(e, tokenRequest("username", "johndoe", "password", "secret", "client_id", "web app", "client_secret", "x"))
	require.Equal(t, wrong.Body, unknown.Body)
	require.Equal(t, wrong.Header(), unknown.Header())
}

type clientStore func(id string) (*passbearer.Client, error)

func (f clientStore) ClientByID(_ context.Context, id string) (*passbearer.Client, error) {
	return f(id)
}

func TestClientStoreFails(t *testing.T) {
	for _, tt := range []struct {
		name   string
		store  clientStore
		status int
	}{
		{"error", func(string) (*passbearer.Client, error) { return nil, errors.New("down") }, 503},
		{"nothing", func(string) (*passbearer.Client, error) { return nil, nil }, 503},
		{"another client", func(string) (*passbearer.Client, error) { return &passbearer.Client{ID: "other"}, nil }, 503},
		{"panic", func(string) (*passbearer.Client, error) { panic("client") }, 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEndpoint(t, func(o *passbearer.TokenHandlerOptions) { o.Clients = tt.store })
			status, body, _ := e.signIn(t, "client_id", "phone")
			require.Equal(t, tt.status, status)
			require.NotEqual(t, "invalid_client", body["error"])
		})
	}
}

// TestClientsAreIgnoredWithoutAStore, as the tutorial's form does.
func TestClientsAreIgnoredWithoutAStore(t *testing.T) {
	e := newEndpoint(t, func(o *passbearer.TokenHandlerOptions) { o.ClientID = "shop" })
	for _, header := range []string{"", "Basic Og==", "Basic %%%", "Bearer abc", basic("a:b")} {
		r := tokenRequest("username", "johndoe", "password", "secret", "client_id", "x", "client_secret", "y")
		r.Header.Set("Authorization", header)
		w := serve(e, r)
		require.Equal(t, http.StatusOK, w.Code, header)
		require.Equal(t, "shop", e.issuer.last().ClientID)
	}
}
