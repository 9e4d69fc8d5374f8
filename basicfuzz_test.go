package passbearer_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
)

// basicByTheBook says which client an Authorization header names, by net/http's
// and net/url's reading of it; with none there is nothing in it.
func basicByTheBook(header string) (id, secret string, none, good bool) {
	if strings.TrimSpace(header) == "" {
		return "", "", true, true
	}
	scheme, encoded, _ := strings.Cut(strings.TrimSpace(header), " ")
	encoded = strings.TrimLeft(encoded, " ")
	r := &http.Request{Header: http.Header{"Authorization": {scheme + " " + encoded}}}
	id, secret, good = r.BasicAuth()
	good = good && base64.StdEncoding.EncodeToString([]byte(id+":"+secret)) == encoded // one spelling
	if good && id == "" && secret == "" {
		return "", "", true, true
	}
	id, err1 := url.QueryUnescape(id)
	secret, err2 := url.QueryUnescape(secret)
	for _, s := range []string{id, secret} {
		good = good && utf8.ValidString(s) && !strings.Contains(s, "\x00")
	}
	return id, secret, false, good && err1 == nil && err2 == nil && id != "" && len(id) <= 256
}

// FuzzBasicClient: a header names the client that net/http finds in it and no
// other, nothing in it is repeated, and the same client written canonically is
// taken too.
func FuzzBasicClient(f *testing.F) {
	for _, header := range []string{
		"", " ", "Basic", "Basic ", "Basic Og==", "Bearer abc", basic("web+app:s3cr%3Aet%26"), "bAsIc   " + basic("phone:")[6:],
		basic("noColon"), basic(":x"), basic("a:b:c"), basic("web%zz:x"), basic("a:%zz"), basic("%ff:x"), basic("a:%00"), "Basic cGhvbmU6e9==",
		basic(strings.Repeat("c", 257) + ":x"), basic("a:b") + "=", "Basic\tYTpi", basic("a:b") + "\n", "Basic YTp\niMg==", basic("%C3%A9:%F0%9F%94%91"),
	} {
		f.Add(header)
	}
	var asked, hash string
	clients := clientStore(func(id string) (*passbearer.Client, error) {
		asked = id
		return &passbearer.Client{ID: id, SecretHash: hash}, nil
	})
	e := newEndpoint(f, func(o *passbearer.TokenHandlerOptions) {
		o.Clients, o.InsecureSkipThrottling, o.Observer = clients, true, silence{}
	})
	send := func(header string) (status int, body string) {
		r := tokenRequest("grant_type", "none") // unsupported, which is found out after the client
		r.Header["Authorization"] = []string{header}
		asked = ""
		w := serve(e, r)
		return w.Code, w.Body.String()
	}
	f.Fuzz(func(t *testing.T, header string) {
		id, secret, none, good := basicByTheBook(header)
		hash = passbearer.ClientSecretHash(secret)
		status, body := send(header)
		if !good || none || secret == "" {
			require.Equal(t, 401, status, body)
			require.Equal(t, `{"detail":"Client authentication failed","error":"invalid_client","error_description":"Client authentication failed"}`+"\n", body)
			require.Equal(t, good && !none, asked != "", "the store is asked for a client that can be one, and for no other")
			return
		}
		require.Equal(t, 400, status, body)
		require.Contains(t, body, "unsupported_grant_type")
		require.Equal(t, id, asked)
		status, _ = send(basic(url.QueryEscape(id) + ":" + url.QueryEscape(secret)))
		require.Equal(t, 400, status)
		require.Equal(t, id, asked)
		hash = passbearer.ClientSecretHash(secret + "x")
		status, _ = send(header)
		require.Equal(t, 401, status, "another secret")
	})
}
