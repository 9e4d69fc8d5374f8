package introspect_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/introspect"
)

func TestNewErrors(t *testing.T) {
	with := func(change func(*introspect.Endpoint)) introspect.Endpoint {
		e := endpoint
		change(&e)
		return e
	}
	for _, tt := range []struct {
		endpoint introspect.Endpoint
		secret   string
		opts     *introspect.Options
		err      string
	}{
		{with(func(e *introspect.Endpoint) { e.URL = "" }), secret, nil, "no URL"},
		{with(func(e *introspect.Endpoint) { e.URL = "https:id.example" }), secret, nil, "no URL"},
		{with(func(e *introspect.Endpoint) { e.URL = "https://u:p@id.example" }), secret, nil, "no URL"},
		{with(func(e *introspect.Endpoint) { e.URL += "#x" }), secret, nil, "no URL"},
		{with(func(e *introspect.Endpoint) { e.URL = "https://id.example/\x00" }), secret, nil, "no URL"},
		{with(func(e *introspect.Endpoint) { e.URL = "http://id.example" }), secret, nil, "not https"},
		{with(func(e *introspect.Endpoint) { e.URL = "http://localhost.id.example" }), secret, nil, "not https"},
		{with(func(e *introspect.Endpoint) { e.URL = "ftp://localhost" }), secret, nil, "not https"},
		{with(func(e *introspect.Endpoint) { e.ClientID = "" }), secret, nil, "ClientID"},
		{endpoint, "", nil, "secret is empty"},
		{with(func(e *introspect.Endpoint) { e.Audience = "" }), secret, nil, "Audience is empty"},
		{endpoint, secret, &introspect.Options{InsecureSkipAudience: true}, "both"},
		{endpoint, secret, &introspect.Options{CacheFor: 2 * time.Hour}, "CacheFor"},
		{endpoint, secret, &introspect.Options{MaxEntries: -1}, "MaxEntries"},
		{endpoint, secret, &introspect.Options{MaxEntries: 1 << 30}, "MaxEntries"},
		{endpoint, secret, &introspect.Options{Timeout: -1}, "Timeout"},
	} {
		_, err := introspect.New(tt.endpoint, tt.secret, tt.opts)
		require.ErrorContains(t, err, tt.err)
		require.NotContains(t, err.Error(), secret)
	}
	for _, url := range []string{"http://localhost:8000/x", "http://127.0.0.1/x", "http://[::1]/x", "https://id.example/x?realm=a"} {
		_, err := introspect.New(introspect.Endpoint{URL: url, ClientID: "c", Audience: "a"}, "s", nil)
		require.NoError(t, err, url)
	}
	_, err := new(introspect.Verifier).VerifyToken(t.Context(), "x")
	require.Error(t, err)
	require.NotErrorIs(t, err, passbearer.ErrInvalidToken)
}

// TestQuestion: RFC 7662 §2.1, with the client's id and secret encoded first.
func TestQuestion(t *testing.T) {
	var body string
	var header http.Header
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body, header = r.Method+" "+r.URL.String()+" "+string(text), r.Header
		answers(activeAnswer)(w, r)
	}))
	defer s.Close()
	v, err := introspect.New(introspect.Endpoint{URL: s.URL + "/i?x=1", ClientID: "api:1", Audience: audience}, secret, &introspect.Options{Transport: s.Client().Transport})
	require.NoError(t, err)
	c, err := v.VerifyToken(t.Context(), "a+/~-._9==")
	require.NoError(t, err)
	require.Equal(t, "u1", c.Subject)
	require.Equal(t, "POST /i?x=1 token=a%2B%2F~-._9%3D%3D&token_type_hint=access_token", body)
	require.Equal(t, "application/x-www-form-urlencoded", header.Get("Content-Type"))
	require.Equal(t, "application/json", header.Get("Accept"))
	require.NotContains(t, header, "Idempotency-Key")
	id, password, _ := (&http.Request{Header: header}).BasicAuth()
	require.Equal(t, [2]string{"api%3A1", "s3cret%3A+%2F%2B%25%C3%A9"}, [2]string{id, password})
}

func TestFormBeforeQuestion(t *testing.T) {
	s := newSite(answers(activeAnswer))
	v := newVerifier(t, s, introspect.Options{})
	longest := strings.Repeat("a", 8<<10)
	for token, want := range map[string]string{
		"": "invalid", "=": "invalid", "a b": "invalid", "a=b": "invalid", "a,b": "invalid", "ä": "invalid", "a\n": "invalid", "a\x00": "invalid", "a%41": "invalid",
		longest + "a": "invalid", longest[1:] + "==": "invalid",
	} {
		require.Equal(t, want, outcome(v.VerifyToken(t.Context(), token)), "%.20q", token)
	}
	require.Zero(t, s.all)
	require.Equal(t, "valid", outcome(v.VerifyToken(t.Context(), longest)))
	require.Equal(t, passbearer.TokenVerifier(v), v.RefusesMalformed())
}

func TestAnswers(t *testing.T) {
	const ok = `"active":true,"token_type":"Bearer","aud":"` + audience + `"`
	strict, lax := endpoint, endpoint
	strict.Issuer = issuer
	lax.Audience = ""
	date := func(d time.Duration) string { return fmt.Sprint(time.Now().Add(d).Unix()) }
	synctest.Test(t, func(t *testing.T) {
		for name, tt := range map[string]struct {
			endpoint introspect.Endpoint
			answer   string
			want     string
		}{
			"active":                   {endpoint, `{` + ok + `}`, "valid"},
			"inactive":                 {endpoint, `{"active":false}`, "invalid"},
			"inactive, malformed":      {endpoint, `{"active":false,"exp":"x","aud":7}`, "invalid"},
			"active is a string":       {endpoint, `{"active":"true","aud":"` + audience + `"}`, "broken"},
			"active is 1":              {endpoint, `{"active":1,"aud":"` + audience + `"}`, "broken"},
			"active is null":           {endpoint, `{"active":null}`, "broken"},
			"ACTIVE":                   {endpoint, `{"ACTIVE":true,"aud":"` + audience + `"}`, "broken"},
			"active twice":             {endpoint, `{"active":false,` + ok + `}`, "broken"},
			"active twice, escaped":    {endpoint, `{"\u0061ctive":false,` + ok + `}`, "broken"},
			"sub twice":                {endpoint, `{` + ok + `,"sub":"a","sub":"b"}`, "broken"},
			"no active":                {endpoint, `{}`, "broken"},
			"error":                    {endpoint, `{"error":"invalid_request"}`, "broken"},
			"empty":                    {endpoint, ``, "broken"},
			"null":                     {endpoint, `null`, "broken"},
			"array":                    {endpoint, `[true]`, "broken"},
			"two objects":              {endpoint, `{` + ok + `}{}`, "broken"},
			"cut off":                  {endpoint, `{` + ok, "broken"},
			"HTML":                     {endpoint, `<html>`, "broken"},
			"byte order mark":          {endpoint, "\ufeff{" + ok + `}`, "broken"},
			"no UTF-8":                 {endpoint, `{` + ok + `,"sub":"` + "\xff" + `"}`, "broken"},
			"too large":                {endpoint, `{` + ok + strings.Repeat(" ", 64<<10) + `}`, "broken"},
			"too large, after its end": {endpoint, `{` + ok + `}` + strings.Repeat(" ", 64<<10), "broken"},
			"large":                    {endpoint, `{` + ok + strings.Repeat(" ", 60<<10) + `}`, "valid"},
			"deep":                     {endpoint, `{` + ok + `,"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "broken"},
			"expired":                  {endpoint, `{` + ok + `,"exp":` + date(0) + `}`, "invalid"},
			"expires":                  {endpoint, `{` + ok + `,"exp":` + date(time.Second) + `}`, "valid"},
			"expires, fraction":        {endpoint, `{` + ok + `,"exp":` + date(time.Second) + `.75}`, "valid"},
			"expired, fraction":        {endpoint, `{` + ok + `,"exp":` + date(0) + `.75}`, "invalid"},
			"exp 0":                    {endpoint, `{` + ok + `,"exp":0}`, "broken"},
			"exp below 1":              {endpoint, `{` + ok + `,"exp":0.5}`, "broken"},
			"exp null":                 {endpoint, `{` + ok + `,"exp":null}`, "valid"},
			"exp is a string":          {endpoint, `{` + ok + `,"exp":"` + date(time.Hour) + `"}`, "broken"},
			"exp negative":             {endpoint, `{` + ok + `,"exp":-1}`, "broken"},
			"exp too far":              {endpoint, `{` + ok + `,"exp":1e300}`, "broken"},
			"exp beyond float64":       {endpoint, `{` + ok + `,"exp":1e999}`, "broken"},
			"not yet":                  {endpoint, `{` + ok + `,"nbf":` + date(32*time.Second) + `}`, "invalid"},
			"clocks":                   {endpoint, `{` + ok + `,"nbf":` + date(29*time.Second) + `}`, "valid"},
			"nbf 0":                    {endpoint, `{` + ok + `,"nbf":0,"auth_time":0}`, "valid"},
			"nbf is a string":          {endpoint, `{` + ok + `,"nbf":"0"}`, "broken"},
			"type, case":               {endpoint, `{"active":true,"token_type":"bearer","aud":"` + audience + `"}`, "valid"},
			"type absent":              {endpoint, `{"active":true,"aud":"` + audience + `"}`, "valid"},
			"type other":               {endpoint, `{"active":true,"token_type":"N_A","aud":"` + audience + `"}`, "invalid"},
			"type is a number":         {endpoint, `{"active":true,"token_type":1,"aud":"` + audience + `"}`, "broken"},
			"use of a refresh token":   {endpoint, `{` + ok + `,"token_use":"refresh_token"}`, "invalid"},
			"use of an access token":   {endpoint, `{` + ok + `,"token_use":"access_token"}`, "valid"},
			"DPoP":                     {endpoint, `{"active":true,"token_type":"DPoP","aud":"` + audience + `","cnf":{"jkt":"k"}}`, "valid"},
			"DPoP without a key":       {endpoint, `{"active":true,"token_type":"DPoP","aud":"` + audience + `"}`, "broken"},
			"DPoP with another key":    {endpoint, `{"active":true,"token_type":"dpop","aud":"` + audience + `","cnf":{"x5t#S256":"k"}}`, "broken"},
			"cnf null":                 {endpoint, `{` + ok + `,"cnf":null}`, "broken"},
			"cnf empty":                {endpoint, `{` + ok + `,"cnf":{}}`, "broken"},
			"cnf without name":         {endpoint, `{` + ok + `,"cnf":{"":"x"}}`, "broken"},
			"cnf is a string":          {endpoint, `{` + ok + `,"cnf":"k"}`, "broken"},
			"jkt empty":                {endpoint, `{` + ok + `,"cnf":{"jkt":""}}`, "broken"},
			"jkt null":                 {endpoint, `{` + ok + `,"cnf":{"jkt":null}}`, "broken"},
			"jkt twice":                {endpoint, `{` + ok + `,"cnf":{"jkt":"a","jkt":"b"}}`, "broken"},
			"scope":                    {endpoint, `{` + ok + `,"scope":"a b"}`, "valid"},
			"scope is an array":        {endpoint, `{` + ok + `,"scope":["a"]}`, "broken"},
			"scope, two spaces":        {endpoint, `{` + ok + `,"scope":"a  b"}`, "broken"},
			"amr is a string":          {endpoint, `{` + ok + `,"amr":"pwd"}`, "broken"},
			"amr with a space":         {endpoint, `{` + ok + `,"amr":["a b"]}`, "broken"},
			"sub is a number":          {endpoint, `{` + ok + `,"sub":1}`, "broken"},
			"nulls":                    {endpoint, `{` + ok + `,"sub":null,"scope":null,"client_id":null,"iat":null,"amr":null,"x":null}`, "valid"},
			"aud, one of several":      {endpoint, `{"active":true,"token_type":"Bearer","aud":["x","` + audience + `"]}`, "valid"},
			"aud absent":               {endpoint, `{"active":true,"token_type":"Bearer"}`, "invalid"},
			"aud null":                 {endpoint, `{"active":true,"token_type":"Bearer","aud":null}`, "invalid"},
			"aud empty":                {endpoint, `{"active":true,"token_type":"Bearer","aud":[]}`, "invalid"},
			"aud other":                {endpoint, `{"active":true,"token_type":"Bearer","aud":"` + audience + `/"}`, "invalid"},
			"aud with a line break":    {endpoint, `{"active":true,"token_type":"Bearer","aud":"x\n` + audience + `"}`, "broken"},
			"aud with a tab":           {lax, `{"active":true,"token_type":"Bearer","aud":"a\tb"}`, "broken"},
			"aud has null":             {endpoint, `{"active":true,"token_type":"Bearer","aud":["` + audience + `",null]}`, "broken"},
			"aud is a number":          {endpoint, `{"active":true,"token_type":"Bearer","aud":1}`, "broken"},
			"issuer":                   {strict, `{` + ok + `,"iss":"` + issuer + `"}`, "valid"},
			"issuer absent":            {strict, `{` + ok + `}`, "invalid"},
			"issuer other":             {strict, `{` + ok + `,"iss":"` + issuer + `/"}`, "invalid"},
			"any audience":             {lax, `{"active":true,"token_type":"Bearer"}`, "valid"},
			"any audience, no type":    {lax, `{"active":true}`, "invalid"},
			"any audience, two of it":  {lax, `{"active":true,"token_type":"Bearer","aud":["a","b"]}`, "valid"},
			"any audience, for others": {lax, `{"active":true,"token_type":"Bearer","aud":"x"}`, "valid"},
		} {
			v, err := introspect.New(tt.endpoint, secret, &introspect.Options{Transport: newSite(answers(tt.answer)), InsecureSkipAudience: tt.endpoint.Audience == ""})
			require.NoError(t, err)
			for range 2 { // the second is remembered, if it is anything
				c, err := v.VerifyToken(t.Context(), "t0ken")
				require.Equal(t, tt.want, outcome(c, err), "%s: %v", name, err)
				if err != nil {
					require.NotContains(t, err.Error(), "panicked", name)
					require.NotContains(t, err.Error(), "t0ken")
					require.NotContains(t, err.Error(), secret)
					require.Nil(t, c)
				}
			}
		}
	})
}

// TestBrokenServer: no answer is no refusal, and is not remembered.
func TestBrokenServer(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"400": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(400) },
		"401": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) },
		"404": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) },
		"429": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(429) },
		"503": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) },
		"201": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(201)
			_, _ = io.WriteString(w, activeAnswer)
		},
		"302": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/moved", http.StatusFound) },
		"307": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.example/", http.StatusTemporaryRedirect)
		},
		"text/html": func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"a signed answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/token-introspection+jwt")
		},
		"no type": func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, activeAnswer)
		},
		"panic": func(http.ResponseWriter, *http.Request) { panic("transport") },
		"hangs": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(h)
				v := newVerifier(t, s, introspect.Options{})
				began := time.Now()
				for n := range 2 {
					require.Equal(t, "broken", outcome(v.VerifyToken(t.Context(), "x")))
					require.Equal(t, n+1, s.all, "asked once each: no redirect is followed")
				}
				require.LessOrEqual(t, time.Since(began), 10*time.Second)
				s.Handler = answers(activeAnswer)
				require.Equal(t, "valid", outcome(v.VerifyToken(t.Context(), "x")))
			})
		})
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	v, err := introspect.New(introspect.Endpoint{URL: closed.URL, ClientID: "c", Audience: audience}, secret, nil)
	require.NoError(t, err)
	require.Equal(t, "broken", outcome(v.VerifyToken(t.Context(), "x")))
}

func TestClaims(t *testing.T) {
	const text = `{"active":true,"token_type":"Bearer","iss":"i","sub":"u1","aud":["` + audience + `","other"],"client_id":"web","scope":"a b","jti":"j","sid":"s",
		"iat":1700000000,"nbf":1700000000.5,"exp":4000000000,"auth_time":1700000002,"acr":"2","amr":["pwd","otp"],"cnf":{"jkt":"key"},
		"username":"johndoe","tenant": {"a" : 1},"Exp":5,"a\"b":null,"epoch":7}`
	c, err := newVerifier(t, newSite(answers(text)), introspect.Options{}).VerifyToken(t.Context(), "x")
	require.NoError(t, err)
	require.Equal(t, &passbearer.Claims{Issuer: "i", Subject: "u1", Audience: passbearer.NewAudience(audience, "other"), ClientID: "web", Scope: "a b", ID: "j", SessionID: "s",
		IssuedAt: 1700000000, NotBefore: 1700000001, Expiry: 4000000000, AuthTime: 1700000002, ACR: "2", AMR: "pwd otp",
		Confirmation: passbearer.Confirmation{Method: "jkt", Thumbprint: "key"},
		Extra:        `{"username":"johndoe","tenant":{"a" : 1},"Exp":5,"a\"b":null,"epoch":7}`}, c)

	for cnf, want := range map[string]passbearer.Confirmation{
		`{"x5t#S256":"c"}`:          {Method: "x5t#S256", Thumbprint: "c"},
		`{"jwk":{"kty":"EC"}}`:      {Method: "jwk"},
		`{"jkt":"a","x5t#S256":""}`: {Method: "several"},
	} {
		c, err := newVerifier(t, newSite(answers(`{"active":true,"aud":"`+audience+`","cnf":`+cnf+`}`)), introspect.Options{}).VerifyToken(t.Context(), "x")
		require.NoError(t, err)
		require.Equal(t, want, c.Confirmation)
	}
}
