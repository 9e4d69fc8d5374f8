package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/password"
)

// exchange is a request and FastAPI's answer to it, as testdata/record.py wrote
// them.
type exchange struct {
	Name, App, Method, Path, Body string
	Headers                       [][2]string
	Answer                        struct {
		Status  int
		Headers map[string]string
		Body    any
	}
}

func TestAnswersAreFastAPIs(t *testing.T) {
	text, err := os.ReadFile("testdata/answers.json")
	require.NoError(t, err)
	var exchanges []exchange
	require.NoError(t, json.Unmarshal(text, &exchanges))
	require.Greater(t, len(exchanges), 60)
	servers := map[string]*httptest.Server{}
	for _, name := range []string{"extract", "login", "scopes"} {
		app, err := newApp(name)
		require.NoError(t, err)
		servers[name] = httptest.NewServer(app)
		defer servers[name].Close()
	}
	for _, x := range exchanges {
		t.Run(x.App+" "+x.Method+" "+x.Path+" "+x.Name, func(t *testing.T) {
			host := servers[x.App].Listener.Addr().String()
			res, body := x.ask(t, host)
			if x.Answer.Status == http.StatusUnprocessableEntity {
				requireFormError(t, res, body)
				return
			}
			require.Equal(t, x.Answer.Status, res.StatusCode, "%v", body)
			for _, name := range []string{"Content-Type", "WWW-Authenticate", "Location", "Allow"} {
				want := strings.ReplaceAll(x.Answer.Headers[strings.ToLower(name)], "{host}", host)
				require.Equal(t, want, res.Header.Get(name), name)
			}
			require.Equal(t, x.Answer.Body, plain(t, body))
		})
	}
}

// requireFormError: the form is this library's own, and says what is wrong in
// its own words.
func requireFormError(t *testing.T, res *http.Response, body any) {
	t.Helper()
	require.Equal(t, http.StatusBadRequest, res.StatusCode)
	detail, ok := body.(map[string]any)["detail"].(string)
	require.True(t, ok && detail != "", "%v", body)
}

func (x exchange) ask(t *testing.T, host string) (*http.Response, any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), x.Method, "http://"+host+x.Path, strings.NewReader(x.Body))
	require.NoError(t, err)
	for _, h := range x.Headers {
		r.Header.Add(h[0], fill(t, h[1]))
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	var body any
	if len(text) > 0 {
		require.NoError(t, json.Unmarshal(text, &body), "%s", text)
	}
	return res, body
}

// fill puts a token in the place of its name.
func fill(t *testing.T, text string) string {
	t.Helper()
	before, rest, found := strings.Cut(text, "{")
	if !found {
		return text
	}
	name, after, _ := strings.Cut(rest, "}")
	return before + tokenNamed(t, name) + after
}

func tokenNamed(t *testing.T, name string) string {
	t.Helper()
	kind, scope, _ := strings.Cut(name, ":")
	now := passbearer.NumericDate(time.Now().Unix())
	c := passbearer.Claims{Subject: "johndoe", Scope: passbearer.Scope(scope), Expiry: now + 1800}
	secret := secretKey
	switch kind {
	case "alice":
		c.Subject = "alice"
	case "unknown":
		c.Subject, c.Scope = "nobody", "me items"
	case "nosub":
		return foreignToken(t, "nosub")
	case "none":
		return foreignToken(t, "none")
	case "expired":
		return foreignToken(t, "expired")
	case "forged":
		secret = strings.Repeat("x", 64)
	}
	key, err := jwttoken.NewKey(jwttoken.HS256, []byte(secret), "")
	require.NoError(t, err)
	keys, err := jwttoken.NewKeys(key)
	require.NoError(t, err)
	tokens, err := jwttoken.New(keys, "", "", &jwttoken.Options{Foreign: &jwttoken.Foreign{}, InsecureSkipIssuer: true, InsecureSkipAudience: true})
	require.NoError(t, err)
	token, err := tokens.IssueToken(t.Context(), c)
	require.NoError(t, err)
	return token
}

// plain compares a token by what it says.
func plain(t *testing.T, body any) any {
	t.Helper()
	object, _ := body.(map[string]any)
	token, _ := object["access_token"].(string)
	if strings.Count(token, ".") != 2 {
		return body
	}
	tokens, err := newTokens()
	require.NoError(t, err)
	c, err := tokens.VerifyToken(t.Context(), token)
	require.NoError(t, err)
	object["access_token"] = map[string]any{"sub": c.Subject, "scope": string(c.Scope), "lifetime": float64(c.Expiry - c.IssuedAt)}
	return object
}

// python runs a script with Debian's python3, which has the packages.
func python(t *testing.T, args ...string) string {
	t.Helper()
	if err := exec.Command("/usr/bin/python3", "-c", "import argon2, fastapi, jwt, multipart, uvicorn").Run(); err != nil {
		t.Skip("FastAPI and what it is run with are not installed: apt-get install -y python3-fastapi python3-uvicorn python3-multipart python3-jwt python3-argon2")
	}
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// foreignToken is one that this library does not issue.
func foreignToken(t *testing.T, kind string) string {
	t.Helper()
	return python(t, "testdata/interop.py", "token", kind)
}

// TestRecordedAnswers: the table is what FastAPI answers today.
func TestRecordedAnswers(t *testing.T) {
	recorded, err := os.ReadFile("testdata/answers.json")
	require.NoError(t, err)
	require.JSONEq(t, string(recorded), python(t, "testdata/record.py", "testdata/requests.json"))
}

func TestPyJWT(t *testing.T) {
	app, err := newApp("scopes")
	require.NoError(t, err)
	r := httptest.NewRequest("GET", "/users/me/", nil)
	r.Header.Set("Authorization", "Bearer "+python(t, "testdata/interop.py", "token", "good"))
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	require.Equal(t, 200, w.Code, "a token made by PyJWT: %s", w.Body)
	require.JSONEq(t, `{"username":"johndoe","full_name":"John Doe","email":"johndoe@example.com","disabled":false}`, w.Body.String())

	form := httptest.NewRequest("POST", "/token", strings.NewReader("username=johndoe&password=secret&scope=me+items"))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w = httptest.NewRecorder()
	app.ServeHTTP(w, form)
	var body map[string]string
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
	require.Equal(t, "johndoe me items", python(t, "testdata/interop.py", "decode", body["access_token"]), "a token for PyJWT")
}

func TestArgon2CFFI(t *testing.T) {
	ours, err := password.Default().Hash(t.Context(), "pässword")
	require.NoError(t, err)
	require.Equal(t, "True False", python(t, "testdata/interop.py", "verify", ours, "pässword", "passwort"))
	theirs := python(t, "testdata/interop.py", "hash", "pässword")
	for plain, want := range map[string]bool{"pässword": true, "passwort": false} {
		ok, _, err := password.Default().Verify(t.Context(), plain, theirs)
		require.NoError(t, err)
		require.Equal(t, want, ok)
	}
}

// TestDocuments: what the document says about signing in is what FastAPI's says.
func TestDocuments(t *testing.T) {
	for _, name := range []string{"login", "scopes"} {
		t.Run(name, func(t *testing.T) {
			app, err := newApp(name)
			require.NoError(t, err)
			w := httptest.NewRecorder()
			app.ServeHTTP(w, httptest.NewRequest("GET", "/openapi.json", nil))
			require.Equal(t, 200, w.Code)
			ours, theirs := readDocument(t, w.Body.String()), readDocument(t, python(t, "testdata/record.py", name))
			require.NotEmpty(t, theirs.Paths)
			require.Equal(t, theirs, ours)
			require.Equal(t, "token", ours.Components.SecuritySchemes["OAuth2PasswordBearer"].Flows.Password.TokenURL)
		})
	}
}

// document is what the two have in common.
type document struct {
	Info       struct{ Title, Version string }
	Paths      map[string]map[string]struct{ Security []map[string][]string }
	Components struct {
		SecuritySchemes map[string]struct {
			Type  string
			Flows struct {
				Password struct {
					TokenURL string
					Scopes   map[string]string
				}
			}
		}
	}
}

func readDocument(t *testing.T, text string) (doc document) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &doc))
	for _, item := range doc.Paths {
		for method, op := range item {
			for _, requirement := range op.Security {
				for _, scopes := range requirement {
					slices.Sort(scopes)
				}
			}
			if len(op.Security) == 0 { // FastAPI leaves it out
				item[method] = struct{ Security []map[string][]string }{}
			}
		}
	}
	return doc
}

func TestDocsPage(t *testing.T) {
	for name, status := range map[string]int{"extract": 404, "login": 200, "scopes": 200} {
		app, err := newApp(name)
		require.NoError(t, err)
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest("GET", "/docs/", nil))
		require.Equal(t, status, w.Code, name)
	}
}

// TestNoLongerThanPython: the tutorial's program with scopes has 182 lines. To
// this folder's belong the router and the extraction, which FastAPI brings along.
func TestNoLongerThanPython(t *testing.T) {
	lines := 0
	for _, name := range []string{"scopes.go", "routes.go"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		lines += strings.Count(string(text), "\n")
	}
	require.LessOrEqual(t, lines, 182)
}

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

func TestUnknownApp(t *testing.T) {
	_, err := newApp("x")
	require.Error(t, err)
}
