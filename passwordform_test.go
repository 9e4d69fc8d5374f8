package passbearer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
)

const (
	formType  = "application/x-www-form-urlencoded"
	formLimit = 64 << 10
)

// Every value that a test submits and an answer must not repeat is a canary.
const canaryForm = "grant_type=password&username=canary-u&password=canary-p"

// formParams are the names that an answer may repeat.
var formParams = strings.Fields(`grant_type username password scope client_id client_secret refresh_token
	token token_type_hint access_token client_assertion client_assertion_type resource
	audience code code_verifier redirect_uri device_code assertion subject_token
	actor_token requested_token_type subject_token_type state response_type`)

func formRequest(body string) *http.Request {
	r := httptest.NewRequest("POST", "/token", strings.NewReader(body))
	r.Header.Set("Content-Type", formType)
	return r
}

// unreadRequest fails the test when its body is read.
func unreadRequest(t *testing.T) *http.Request {
	r := formRequest("")
	r.Body = io.NopCloser(iotestReader{t})
	return r
}

// noUsers fails the test when it is asked: a wrong form never gets that far.
type noUsers struct{ t testing.TB }

func (s noUsers) UserByName(context.Context, string) (*passbearer.User, error) {
	s.t.Error("the store was asked")
	return nil, passbearer.ErrUserNotFound
}

func (s noUsers) UserByID(ctx context.Context, id string) (*passbearer.User, error) {
	return s.UserByName(ctx, id)
}

type refusal struct {
	status            int
	code, description string
}

// requireRefusal compares the whole error and the whole answer to it, so that
// neither has room for a submitted value.
func requireRefusal(t *testing.T, want refusal, form *passbearer.PasswordForm, err error) {
	t.Helper()
	require.Nil(t, form)
	var e *passbearer.Error
	require.ErrorAs(t, err, &e)
	cause := e.Cause
	require.Equal(t, &passbearer.Error{StatusCode: want.status, ErrorCode: want.code, ErrorDescription: want.description, Cause: cause}, e)
	require.Equal(t, want.status == 500, cause != nil, "only a fault of the server has a cause")
	w := httptest.NewRecorder()
	passbearer.DenyTokenRequest(w, formRequest(""), err)
	requireAnswer(t, want, w)
}

func requireAnswer(t *testing.T, want refusal, w *httptest.ResponseRecorder) {
	t.Helper()
	require.Equal(t, want.status, w.Code, w.Body)
	body, err := json.Marshal(map[string]string{"error": want.code, "detail": want.description, "error_description": want.description})
	require.NoError(t, err)
	require.JSONEq(t, string(body), w.Body.String())
	header := http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}
	if want.status == 413 || want.status == 408 {
		header.Set("Connection", "close")
	}
	require.Equal(t, header, w.Header())
	require.NotContains(t, w.Body.String(), "canary")
}

// requireRefusedEverywhere gives the request to both functions and to a
// TokenHandler, whose answers are alike. It returns what the handler observed.
func requireRefusedEverywhere(t *testing.T, want refusal, r func() *http.Request) *events {
	t.Helper()
	form, err := passbearer.ParsePasswordForm(r())
	requireRefusal(t, want, form, err)
	form, err = passbearer.ParsePasswordFormStrict(r())
	requireRefusal(t, want, form, err)
	seen := new(events)
	issuer := new(fakeIssuer)
	w := serve(passbearer.NewTokenHandler(noUsers{t}, issuer, &passbearer.TokenHandlerOptions{Observer: seen}), r())
	requireAnswer(t, want, w)
	require.Empty(t, issuer.issued)
	if want.status < 500 {
		require.Empty(t, seen.all)
	}
	return seen
}

func TestWrongForms(t *testing.T) {
	const (
		req   = "invalid_request"
		scope = "invalid_scope"
		grant = "unsupported_grant_type"
		other = "This grant type is not supported here"
		semi  = "Parameters are separated by &, and a semicolon is written %3B"
	)
	tests := []struct{ name, body, code, description string }{
		{"FB-010 empty", "", req, "Missing parameter: grant_type"},
		{"FB-010 only separators", "&&&", req, "Missing parameter: grant_type"},
		{"FB-012 empty grant_type", "grant_type=&username=canary&password=canary", req, "Missing parameter: grant_type"},
		{"FB-012 grant_type without =", "grant_type&username=canary&password=canary", req, "Missing parameter: grant_type"},
		{"neither name nor password", "client_id=canary&scope=canary", req, "Missing parameter: grant_type"},
		{"FB-014 code", "grant_type=authorization_code&code=canary", grant, other},
		{"FB-014 implicit", "grant_type=implicit&client_id=canary", grant, other},
		{"FB-014 client", "grant_type=client_credentials&client_secret=canary", grant, other},
		{"FB-014 URN", "grant_type=urn:canary&username=canary&password=canary", grant, other},
		{"refresh without sessions", "grant_type=refresh_token&refresh_token=canary", grant, other},
		{"grant_type in another case", "grant_type=Password&username=canary&password=canary", grant, other},
		{"grant_type with a space", "grant_type=password+&username=canary&password=canary", grant, other},
		{"FB-016 username", canaryForm + "&username=canary", req, "Repeated parameter: username"},
		{"FB-016 password", canaryForm + "&password=canary", req, "Repeated parameter: password"},
		{"FB-016 scope", canaryForm + "&scope=canary&scope=canary", req, "Repeated parameter: scope"},
		{"FB-016 client_id", canaryForm + "&client_id=canary&client_id=canary", req, "Repeated parameter: client_id"},
		{"FB-016 refresh_token", canaryForm + "&refresh_token=canary&refresh_token=canary", req, "Repeated parameter: refresh_token"},
		{"repeated, once escaped", canaryForm + "&user%6eame=canary", req, "Repeated parameter: username"},
		{"repeated, first empty", "scope=&scope=canary&" + canaryForm, req, "Repeated parameter: scope"},
		{"repeated, both empty", canaryForm + "&scope&scope=", req, "Repeated parameter: scope"},
		{"repeated, unknown", canaryForm + "&canary-x=1&canary-x=2", req, "Repeated parameter"},
		{"repeated, begins as a known one", canaryForm + "&password-canary=1&password-canary=2", req, "Repeated parameter"},
		{"repeated, ends as a known one", canaryForm + "&canary_code=1&canary_code=2", req, "Repeated parameter"},
		{"repeated, in another case", canaryForm + "&CODE=canary&CODE=canary", req, "Repeated parameter"},
		{"repeated, no name", canaryForm + "&=canary&=canary", req, "Repeated parameter"},
		{"FB-017 missing", "grant_type=password&password=canary", req, "Missing parameter: username"},
		{"FB-017 empty", "grant_type=password&username=&password=canary", req, "Missing parameter: username"},
		{"FB-017 without =", "grant_type=password&username&password=canary", req, "Missing parameter: username"},
		{"FB-017 in another case", "grant_type=password&Username=canary&password=canary", req, "Missing parameter: username"},
		{"FB-018 missing", "grant_type=password&username=canary", req, "Missing parameter: password"},
		{"FB-018 empty", "grant_type=password&username=canary&password=", req, "Missing parameter: password"},
		{"FB-018 both", "grant_type=password", req, "Missing parameter: username"},
		{"FB-021", "grant_type=password&username=canary%zz&password=canary", req, "Bad percent-encoding in parameter: username"},
		{"FB-021 cut off", "grant_type=password&username=canary&password=canary%4", req, "Bad percent-encoding in parameter: password"},
		{"FB-021 unknown", canaryForm + "&canary=%zz", req, "Bad percent-encoding in parameter"},
		{"FB-021 name", canaryForm + "&canary%zz=canary", req, "A parameter's name is malformed"},
		{"FB-022", "grant_type=password;username=canary;password=canary", req, semi},
		{"FB-022 in a value", canaryForm + ";canary", req, semi},
		{"FB-023 username", "grant_type=password&username=canary%ff&password=canary", req, "Not UTF-8: parameter: username"},
		{"FB-023 password", "grant_type=password&username=canary&password=canary%c3%28", req, "Not UTF-8: parameter: password"},
		{"FB-023 raw byte", "grant_type=password&username=canary&password=canary\xff", req, "Not UTF-8: parameter: password"},
		{"FB-023 scope", canaryForm + "&scope=%ff", req, "Not UTF-8: parameter: scope"},
		{"FB-023 unknown", canaryForm + "&canary=%ff", req, "Not UTF-8: parameter"},
		{"FB-023 name", canaryForm + "&canary%ff=canary", req, "A parameter's name is malformed"},
		{"FB-024 overlong", "grant_type=password&username=canary%c0%af&password=canary", req, "Not UTF-8: parameter: username"},
		{"FB-024 surrogate", "grant_type=password&username=canary&password=canary%ed%a0%80", req, "Not UTF-8: parameter: password"},
		{"NUL in the username", "grant_type=password&username=canary%00&password=canary", req, "NUL in parameter: username"},
		{"NUL in the password", "grant_type=password&username=canary&password=canary\x00", req, "NUL in parameter: password"},
		{"NUL, unknown", canaryForm + "&canary=%00", req, "NUL in parameter"},
		{"NUL in a name", canaryForm + "&canary%00=canary", req, "A parameter's name is malformed"},
		{"FB-031", canaryForm + strings.Repeat("&canary", 9000), req, "Repeated parameter"},
		{"FB-031 different", canaryForm + manyParams(6000), req, "Too many parameters"},
		{"33 parameters", canaryForm + manyParams(30), req, "Too many parameters"},
		{"FB-032", canaryForm + "&" + strings.Repeat("canary", 10000) + "=1", req, "A parameter's name is too long"},
		{"name of 257 bytes", canaryForm + "&" + strings.Repeat("n", 257), req, "A parameter's name is too long"},
		{"FB-037 quote", canaryForm + "&scope=canary%22b", scope, "Malformed scope"},
		{"FB-037 backslash", canaryForm + "&scope=canary%5Cb", scope, "Malformed scope"},
		{"FB-037 NUL", canaryForm + "&scope=canary%00b", scope, "Malformed scope"},
		{"FB-037 not ASCII", canaryForm + "&scope=canary%c3%a9", scope, "Malformed scope"},
		{"tab in the scope", canaryForm + "&scope=canary+ok%09ok", scope, "Malformed scope"},
		{"the last scope is wrong", canaryForm + "&scope=ok+ok+%22canary", scope, "Malformed scope"},
		{"FB-038", canaryForm + "&scope=" + strings.Repeat("abc+", 10000), scope, "Too many scopes"},
		{"257 scopes", canaryForm + "&scope=" + strings.Repeat("a++", 257), scope, "Too many scopes"},
		{"FB-039", canaryForm + "&resource=https://canary", "invalid_target", "resource is not supported: tokens have one audience"},
		{"FB-039 before the grant type", "grant_type=canary&resource=https://canary", "invalid_target", "resource is not supported: tokens have one audience"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			requireRefusedEverywhere(t, refusal{400, tt.code, tt.description}, func() *http.Request { return formRequest(tt.body) })
		})
	}
}

// manyParams returns n parameters with different names.
func manyParams(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "&p%d=%d", i, i)
	}
	return s.String()
}

// An answer names each parameter that the RFCs know, and no other: an unknown
// name may be a piece of a password whose & was not escaped.
func TestKnownParametersAreNamed(t *testing.T) {
	for _, name := range formParams {
		t.Run(name, func(t *testing.T) {
			for description, body := range map[string]string{
				"Repeated parameter: " + name:                name + "=canary&" + name + "=canary",
				"Bad percent-encoding in parameter: " + name: name + "=canary%",
				"Not UTF-8: parameter: " + name:              name + "=canary%ff",
			} {
				requireRefusedEverywhere(t, refusal{400, "invalid_request", description}, func() *http.Request { return formRequest(body) })
			}
		})
	}
}

func TestCredentialsInTheURL(t *testing.T) {
	refused := map[string]string{
		"grant_type=password&username=canary&password=canary": "grant_type", // FB-020
		"username=canary":               "username",
		"password":                      "password", // even without a value
		"%75sername=canary":             "username",
		"canary=1&canary=2&code=canary": "code",
		"%zz&scope=canary":              "scope",
		"token=":                        "token",
	}
	for _, name := range formParams {
		refused[name+"=canary"] = name
	}
	for query, name := range refused {
		requireRefusedEverywhere(t, refusal{400, "invalid_request", "Parameter in the URL: " + name}, func() *http.Request {
			r := unreadRequest(t)
			r.URL.RawQuery = query
			return r
		})
	}
	for _, query := range []string{"", "canary=1&canary=2", "usernames=canary", "Username=canary", "x=username", "%zz", "username%zz=canary"} {
		r := formRequest(canaryForm)
		r.URL.RawQuery = query
		form, err := passbearer.ParsePasswordForm(r)
		require.NoError(t, err, query)
		require.Equal(t, "canary-u", form.Username)
	}
	r := formRequest(canaryForm)
	r.URL = nil
	_, err := passbearer.ParsePasswordForm(r)
	require.NoError(t, err)

	// The query is not a source either.
	r = formRequest("grant_type=password")
	r.URL.RawQuery = "Username=canary"
	form, err := passbearer.ParsePasswordForm(r)
	requireRefusal(t, refusal{400, "invalid_request", "Missing parameter: username"}, form, err)
}

// TestLongQuery: each name in it is looked at once.
func TestLongQuery(t *testing.T) {
	const pairs = 10_000
	r := formRequest(canaryForm)
	r.URL.RawQuery = strings.Repeat("+&", pairs)
	require.Less(t, testing.AllocsPerRun(1, func() { passbearer.ParsePasswordForm(r) }), 1.1*pairs)
}

func TestFormMediaTypes(t *testing.T) {
	const (
		once      = "Content-Type must be application/x-www-form-urlencoded, once"
		other     = "Content-Type must be application/x-www-form-urlencoded"
		charset   = "The form's charset must be UTF-8"
		multi     = "Send application/x-www-form-urlencoded, not multipart (in a browser: URLSearchParams, not FormData)"
		notJSON   = "Send application/x-www-form-urlencoded, not JSON (in a browser: URLSearchParams)"
		encodings = "Content-Encoding is not supported"
	)
	tests := []struct {
		name        string
		types       []string
		encoding    string
		description string // empty where the form is read
	}{
		{"FB-003", nil, "", once},
		{"FB-003 empty", []string{""}, "", other},
		{"FB-004", []string{"application/json"}, "", notJSON},
		{"FB-004 with charset", []string{"Application/JSON; charset=utf-8"}, "", notJSON},
		{"FB-005", []string{"multipart/form-data; boundary=canary"}, "", multi},
		{"FB-005 no boundary", []string{"multipart/form-data"}, "", multi},
		{"FB-005 broken boundary", []string{"multipart/form-data; boundary"}, "", multi},
		{"FB-006", []string{"text/plain"}, "", other},
		{"FB-007", []string{formType + "; charset=utf-16"}, "", charset},
		{"FB-007 any type", []string{"canary/canary; charset=canary"}, "", charset},
		{"FB-007 quoted", []string{formType + `; charset="latin1"`}, "", charset},
		{"FB-008", []string{formType, formType}, "", once},
		{"FB-008 in one line", []string{formType + ", " + formType}, "", other},
		{"FB-009", []string{formType}, "gzip", encodings},
		{"FB-009 identity", []string{formType}, "identity", encodings},
		{"FB-043", []string{"application/soap+xml"}, "", other},
		{"JSON of another kind", []string{"application/canary+json"}, "", other},
		{"longer", []string{formType + "x"}, "", other},
		{"broken attribute", []string{formType + "; charset"}, "", other},
		{"two charsets", []string{formType + "; charset=utf-8; charset=utf-16"}, "", other},
		{"no type", []string{"; charset=utf-8"}, "", other},
		{"plain", []string{formType}, "", ""},
		{"upper case", []string{strings.ToUpper(formType)}, "", ""},
		{"UTF-8", []string{formType + ";charset=UTF-8"}, "", ""},
		{"quoted UTF-8", []string{formType + ` ; charset="utf-8"`}, "", ""},
		{"another attribute", []string{formType + "; boundary=x"}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := unreadRequest(t)
			if tt.description == "" {
				r = formRequest(canaryForm)
			}
			r.Header["Content-Type"] = tt.types
			if tt.encoding != "" {
				r.Header.Set("Content-Encoding", tt.encoding)
			}
			if tt.description != "" {
				requireRefusedEverywhere(t, refusal{400, "invalid_request", tt.description}, func() *http.Request { return r })
				return
			}
			form, err := passbearer.ParsePasswordForm(r)
			require.NoError(t, err)
			require.Equal(t, "canary-p", form.Password)
		})
	}
}

func TestGoodForms(t *testing.T) {
	type form = passbearer.PasswordForm
	plain := form{GrantType: "password", Username: "canary-u", Password: "canary-p"}
	with := func(change func(*form)) form {
		f := plain
		change(&f)
		return f
	}
	scope := func(s passbearer.Scope) form { return with(func(f *form) { f.Scope = s }) }
	var scopes []string
	for i := range 256 {
		scopes = append(scopes, fmt.Sprintf("s%d", i))
	}
	tests := []struct {
		name, body string
		want       form
	}{
		{"usual", canaryForm, plain},
		{"all", canaryForm + "&scope=a+b&client_id=c&client_secret=s", form{"password", "canary-u", "canary-p", "a b", "c", "s"}},
		{"FB-050 order 1", "client_secret=s&scope=a&password=canary-p&client_id=c&username=canary-u&grant_type=password", form{"password", "canary-u", "canary-p", "a", "c", "s"}},
		{"FB-050 order 2", "password=canary-p&grant_type=password&username=canary-u", plain},
		{"FB-050 order 3", "username=canary-u&password=canary-p&grant_type=password", plain},
		{"FB-049 empty is absent", canaryForm + "&scope=&client_id=&client_secret=&resource=&refresh_token=&x=&=", plain},
		{"without =", canaryForm + "&scope&client_id&resource", plain},
		{"unknown parameters", canaryForm + "&x=1&y=2&otp=3&refresh_token=4", plain},
		{"separators", "&&" + canaryForm + "&&&scope=a&", scope("a")},
		{"more than 32 separators", canaryForm + strings.Repeat("&", 100), plain},
		{"scope once each", canaryForm + "&scope=a+b+a+c+b+a", scope("a b c")},
		{"scope by whole tokens", canaryForm + "&scope=items:read+items+read+it", scope("items:read items read it")},
		{"scope is case-sensitive", canaryForm + "&scope=a+A", scope("a A")},
		{"scope with spaces", canaryForm + "&scope=++a+++b%20", scope("a b")},
		{"scope of spaces", canaryForm + "&scope=+++", plain},
		{"scope alphabet", canaryForm + "&scope=" + url.QueryEscape("!#[]~/:.-_;&=%+"), scope("!#[]~/:.-_;&=%+")},
		{"256 scopes", canaryForm + "&scope=" + strings.Join(scopes, "+"), scope(passbearer.Scope(strings.Join(scopes, " ")))},
		{"256 times a scope", canaryForm + "&scope=" + strings.Repeat("a+", 256), scope("a")},
		{"32 parameters", canaryForm + manyParams(29), plain},
		{"name of 256 bytes", canaryForm + "&" + strings.Repeat("n", 256) + "=1", plain},
		{"escaped", "%67rant_type=p%61ssword&username=a%26b%3Dc%3Bd%25&password=+%2B=%20=", form{GrantType: "password", Username: "a&b=c;d%", Password: " += ="}},
		{"not trimmed", "grant_type=password&username=+u+&password=%0d%0a%09", form{GrantType: "password", Username: " u ", Password: "\r\n\t"}},
		{"not normalised", "grant_type=password&username=E%CC%81&password=%F0%9F%94%91é", form{GrantType: "password", Username: "E\u0301", Password: "🔑é"}},
		{"replacement character", "grant_type=password&username=%EF%BF%BD&password=x", form{GrantType: "password", Username: "\uFFFD", Password: "x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, parse := range []func(*http.Request) (*passbearer.PasswordForm, error){passbearer.ParsePasswordForm, passbearer.ParsePasswordFormStrict} {
				got, err := parse(formRequest(tt.body))
				require.NoError(t, err)
				require.Equal(t, &tt.want, got)
				require.True(t, got.Scope.Valid())
			}
		})
	}
}

func TestLenientAndStrict(t *testing.T) {
	tests := []struct{ name, body, lenient, strict string }{
		{"FB-011", "username=u&password=secret", "", "Missing parameter: grant_type"},
		{"FB-011 other order", "password=secret&scope=me&username=u", "", "Missing parameter: grant_type"},
		{"username alone", "username=u", "Missing parameter: password", "Missing parameter: grant_type"},
		{"password alone", "password=secret", "Missing parameter: username", "Missing parameter: grant_type"},
		{"both empty", "username=&password=", "Missing parameter: username", "Missing parameter: grant_type"},
		{"empty grant_type", "grant_type=&username=u&password=secret", "Missing parameter: grant_type", "Missing parameter: grant_type"},
		{"with grant_type", "grant_type=password&username=u&password=secret", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, strict := range []bool{false, true} {
				description, parse := tt.lenient, passbearer.ParsePasswordForm
				if strict {
					description, parse = tt.strict, passbearer.ParsePasswordFormStrict
				}
				form, err := parse(formRequest(tt.body))
				w := serve(formHandler(t, func(o *passbearer.TokenHandlerOptions) { o.Strict = strict }), formRequest(tt.body))
				if description != "" {
					want := refusal{400, "invalid_request", description}
					requireRefusal(t, want, form, err)
					requireAnswer(t, want, w)
					continue
				}
				require.NoError(t, err)
				require.Equal(t, "u", form.Username)
				require.Equal(t, strings.Contains(tt.body, "grant_type"), form.GrantType == "password", "as it was sent")
				require.Equal(t, 200, w.Code, w.Body)
			}
		})
	}
}

// formHandler knows the user "u" with the password "secret".
func formHandler(t testing.TB, change func(*passbearer.TokenHandlerOptions)) *passbearer.TokenHandler {
	o := &passbearer.TokenHandlerOptions{Passwords: fastPasswords}
	if change != nil {
		change(o)
	}
	return passbearer.NewTokenHandler(memstore.New(fastUser(t, "u1", "u", "me")), new(fakeIssuer), o)
}

func TestLongPasswordIsAWrongPassword(t *testing.T) { // FB-034
	long := strings.Repeat("p", 1025)
	want := refusal{400, "invalid_grant", "Incorrect username or password"}
	requireAnswer(t, want, serve(formHandler(t, nil), tokenRequest("grant_type", "password", "username", "u", "password", long)))
	requireAnswer(t, want, serve(formHandler(t, nil), tokenRequest("grant_type", "password", "username", "nobody", "password", long)))
	form, err := passbearer.ParsePasswordForm(tokenRequest("username", "u", "password", long))
	require.NoError(t, err)
	require.Equal(t, long, form.Password)
}

func TestOnlyPost(t *testing.T) { // FB-001
	for _, method := range []string{"GET", "HEAD", "PUT", "OPTIONS", "post"} {
		r := unreadRequest(t)
		r.Method, r.URL.RawQuery = method, canaryForm
		seen := new(events)
		w := serve(passbearer.NewTokenHandler(noUsers{t}, new(fakeIssuer), &passbearer.TokenHandlerOptions{Observer: seen}), r)
		require.Equal(t, 405, w.Code)
		require.Equal(t, "POST", w.Header().Get("Allow"))
		require.NotContains(t, w.Body.String(), "canary")
		require.Empty(t, seen.all)
	}
}

var tooLargeForm = refusal{413, "invalid_request", "The body is over 64 KiB"}

func TestPasswordFormIsNotPrintable(t *testing.T) {
	form := passbearer.PasswordForm{GrantType: "canary", Username: "canary", Password: "canary", Scope: "canary", ClientID: "canary", ClientSecret: "canary"}
	var none *passbearer.PasswordForm
	type nested struct {
		Form passbearer.PasswordForm
		Ptr  *passbearer.PasswordForm
	}
	values := []any{form, &form, none, nested{form, &form}, &nested{form, &form}, []passbearer.PasswordForm{form},
		map[string]any{"a": form, "b": &form}, struct{ passbearer.PasswordForm }{form}}

	for _, v := range values {
		for _, verb := range "vsqxXdtTcUboOeEfFgG" {
			for _, flags := range []string{"", "+", "#", "-20.3", "0 "} {
				got := fmt.Sprintf("%"+flags+string(verb), v)
				require.NotContains(t, got, "canary")
				require.NotContains(t, strings.ToLower(got), "63616e617279", "in hexadecimal")
			}
		}
		for _, format := range []string{"no verb", "%v %v", "%[2]v", "%*d"} {
			require.NotContains(t, fmt.Sprintf(format, v)+fmt.Errorf(format, v).Error(), "canary")
		}
		require.NotContains(t, fmt.Sprint(v)+fmt.Sprintln(v), "canary")

		var out bytes.Buffer
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).With("with", v).Error("m", "form", v, slog.Group("g", "form", v), slog.Any("list", []any{v}))
		}
		log.New(&out, "", 0).Print(v)
		text, err := json.Marshal(v)
		require.NoError(t, err)
		out.Write(text)
		require.NotContains(t, out.String(), "canary")
	}
	require.Equal(t, "PasswordForm{…}", fmt.Sprint(form))
	require.Equal(t, "PasswordForm{…}", fmt.Sprintf("%#v", &form))
	for _, v := range []slog.LogValuer{form, &form} {
		require.Equal(t, "PasswordForm{…}", v.LogValue().String())
	}
	require.NotContains(t, fmt.Sprintf("%p", &form), "canary")
	text, err := json.Marshal(form)
	require.NoError(t, err)
	require.JSONEq(t, `{}`, string(text))
}
