package passbearer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
)

// proofs takes the name of a key for a proof by it.
type proofs struct{ calls []string }

func (p *proofs) VerifyProof(r *http.Request, accessToken string) (string, error) {
	p.calls = append(p.calls, accessToken)
	switch key := r.Header.Get("DPoP"); key {
	case "":
		return "", &passbearer.Error{ErrorCode: "invalid_dpop_proof", ErrorDescription: "The DPoP proof is missing"}
	case "stale":
		return "", &passbearer.Error{ErrorCode: "use_dpop_nonce", ErrorDescription: "Use the nonce", Header: http.Header{"Dpop-Nonce": {"n1"}}}
	case "down":
		return "", fmt.Errorf("replays: %w", &passbearer.Error{StatusCode: 401, ErrorCode: "invalid_token", Cause: errDown})
	case "panic":
		panic("secret cause")
	case "nothing":
		return "", nil
	default:
		return key, nil
	}
}

func (*proofs) ProofAlgorithms() []string { return []string{"ES256", "EdDSA"} }

const dpopChallenge = `DPoP realm="api", algs="ES256 EdDSA"`

func TestGuardChecksProofs(t *testing.T) {
	invalid := `DPoP realm="api", error="invalid_token", error_description="Could not validate credentials", algs="ES256 EdDSA"`
	for _, tt := range []struct {
		name, authorization, proof string
		required                   bool
		status                     int
		challenges                 []string
	}{
		{"bound, proved", "DPoP bound", "x", false, 200, nil},
		{"the scheme's case does not matter", "dpop bound", "x", false, 200, nil},
		{"unbound", "Bearer good", "", false, 200, nil},
		{"unbound where a key is demanded", "Bearer good", "", true, 401, []string{invalid}},
		{"unbound, and it says it is not", "DPoP good", "x", false, 401, []string{invalid}},
		{"downgraded", "Bearer bound", "x", false, 401, []string{invalid}},
		{"another key", "DPoP bound", "y", false, 401, []string{invalid}},
		{"no proof", "DPoP bound", "", false, 401, []string{`DPoP realm="api", error="invalid_dpop_proof", error_description="The DPoP proof is missing", algs="ES256 EdDSA"`}},
		{"nonce", "DPoP bound", "stale", false, 401, []string{`DPoP realm="api", error="use_dpop_nonce", error_description="Use the nonce", algs="ES256 EdDSA"`}},
		{"forged", "DPoP forged", "x", false, 401, []string{invalid}},
		{"malformed", "DPoP a b", "x", false, 400, []string{`DPoP realm="api", error="invalid_request", error_description="Malformed bearer token", algs="ES256 EdDSA"`}},
		{"no token", "DPoP", "x", false, 400, []string{`DPoP realm="api", error="invalid_request", error_description="DPoP without a token", algs="ES256 EdDSA"`}},
		{"nothing", "", "", false, 401, []string{`Bearer realm="api"`, dpopChallenge}},
		{"nothing where a key is demanded", "", "", true, 401, []string{dpopChallenge}},
		{"another scheme", "DPoPs bound", "x", false, 401, []string{`Bearer realm="api"`, dpopChallenge}},
		{"the verifier of proofs is down", "DPoP bound", "down", false, 503, nil},
		{"it panics", "DPoP bound", "panic", false, 500, nil},
		{"it says nothing", "DPoP bound", "nothing", false, 503, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			guard := passbearer.NewGuard(known, &passbearer.GuardOptions{DPoP: &proofs{}, RequireDPoP: tt.required, Observer: new(events)})
			r := request(tt.authorization)
			if tt.proof != "" {
				r.Header.Set("DPoP", tt.proof)
			}
			w := serve(guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), r)
			require.Equal(t, tt.status, w.Code)
			require.Equal(t, tt.challenges, w.Header().Values("WWW-Authenticate"))
			require.NotContains(t, w.Body.String(), "secret cause")
			if tt.proof == "stale" {
				require.Equal(t, "n1", w.Header().Get("DPoP-Nonce"))
			}
		})
	}
}

// TestUserWithAKeyIsGone: the challenge is for a token with a proof.
func TestUserWithAKeyIsGone(t *testing.T) {
	guard := passbearer.NewGuard(known, &passbearer.GuardOptions{DPoP: &proofs{}, Observer: new(events)})
	gone := func(context.Context, *passbearer.Claims) (string, error) { return "", passbearer.ErrUserNotFound }
	h := guard.HandlerFunc(passbearer.WithUser(gone, func(http.ResponseWriter, *http.Request, string) {}))
	for header, want := range map[string]string{"DPoP bound": "DPoP ", "Bearer good": "Bearer "} {
		r := request(header)
		r.Header.Set("DPoP", "x")
		w := serve(h, r)
		require.Equal(t, 401, w.Code)
		require.Len(t, w.Header().Values("WWW-Authenticate"), 1)
		require.True(t, strings.HasPrefix(w.Header().Get("WWW-Authenticate"), want+`realm="api", error="invalid_token"`), header)
	}
}

func TestProofIsForTheToken(t *testing.T) {
	seen := new(proofs)
	guard := passbearer.NewGuard(known, &passbearer.GuardOptions{DPoP: seen, Extract: func(r *http.Request) (string, error) { return r.Header.Get("X-Token"), nil }})
	r := request()
	r.Header.Set("X-Token", "bound")
	r.Header.Set("DPoP", "x")
	_, err := guard.Check(r)
	require.NoError(t, err, "wherever the token is from")
	require.Equal(t, []string{"bound"}, seen.calls)
	require.Equal(t, []string{"ES256", "EdDSA"}, guard.Demand().ProofAlgorithms)
}

func TestResourceMetadataIsInEveryChallenge(t *testing.T) {
	const url = "https://api.example/.well-known/oauth-protected-resource"
	guard := passbearer.NewGuard(known, &passbearer.GuardOptions{ResourceMetadata: url}).Require("admin")
	for authorization, want := range map[string]string{
		"":              `Bearer realm="api", resource_metadata="` + url + `"`,
		"Bearer forged": `Bearer realm="api", error="invalid_token", error_description="Could not validate credentials", resource_metadata="` + url + `"`,
		"Bearer good":   `Bearer realm="api", error="insufficient_scope", error_description="The token lacks a scope that this resource demands", scope="admin", resource_metadata="` + url + `"`,
		"Bearer":        `Bearer realm="api", error="invalid_request", error_description="Bearer without a token", resource_metadata="` + url + `"`,
	} {
		w := serve(guard.Handler(http.NotFoundHandler()), request(authorization))
		require.Equal(t, want, w.Header().Get("WWW-Authenticate"))
	}
	for _, o := range []passbearer.GuardOptions{{ResourceMetadata: "\""}, {RequireDPoP: true}} {
		require.Panics(t, func() { passbearer.NewGuard(known, &o) })
	}
}

func TestStepUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := passbearer.NumericDate(time.Now().Unix())
		claims := func(c passbearer.Claims) func() (*passbearer.Claims, error) {
			return func() (*passbearer.Claims, error) { return &c, nil }
		}
		guard := passbearer.NewGuard(verifier{
			"pwd": claims(passbearer.Claims{Subject: "u1", ACR: "1", AuthTime: at}),
			"otp": claims(passbearer.Claims{Subject: "u1", ACR: "2", AuthTime: at}),
			"old": claims(passbearer.Claims{Subject: "u1", ACR: "2"}),
		}, nil)
		const says = `Bearer realm="api", error="insufficient_user_authentication", error_description="Sign in again, in a way that this resource demands"`
		check := func(g *passbearer.Guard, token, challenge string) {
			t.Helper()
			w := serve(g.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), request("Bearer "+token))
			require.Equal(t, challenge, w.Header().Get("WWW-Authenticate"))
			require.Equal(t, challenge == "", w.Code == 200, w.Code)
			require.Equal(t, challenge != "", w.Code == 401, w.Code)
		}
		strong := guard.RequireACR("3", "2")
		check(strong, "otp", "")
		check(strong, "pwd", says+`, acr_values="3 2"`)
		check(strong.RequireACR("2", "1"), "otp", "")
		check(strong.RequireACR("2", "1"), "pwd", says+`, acr_values="2"`)

		fresh := guard.RequireAuthAge(time.Minute)
		time.Sleep(time.Minute)
		check(fresh, "pwd", "")
		check(fresh, "old", says+`, max_age="60"`)
		time.Sleep(time.Second)
		check(fresh, "pwd", says+`, max_age="60"`)
		check(fresh.RequireAuthAge(time.Hour), "pwd", says+`, max_age="60"`)
		check(fresh.RequireACR("2"), "pwd", says+`, acr_values="2", max_age="60"`)
		require.Equal(t, passbearer.Demand{ACR: []string{"2"}, MaxAge: time.Minute}, fresh.RequireACR("2").Demand())
		check(guard, "pwd", "")

		optional := passbearer.NewGuard(known, &passbearer.GuardOptions{Optional: true})
		require.False(t, optional.RequireACR("1").Demand().Optional)
		require.False(t, optional.RequireAuthAge(time.Hour).Demand().Optional)
		for _, f := range []func(){
			func() { guard.RequireACR() }, func() { guard.RequireACR("a b") }, func() { guard.RequireACR(`"`) }, func() { strong.RequireACR("1") },
			func() { guard.RequireAuthAge(0) }, func() { guard.RequireAuthAge(1500 * time.Millisecond) },
		} {
			require.Panics(t, f)
		}
	})
}

// TestTokensAreBoundToTheProof: a public client's refresh token to the key too, a
// confidential client's to its secret alone.
func TestTokensAreBoundToTheProof(t *testing.T) {
	proved := func(key string, pairs ...string) *http.Request {
		r := tokenRequest(pairs...)
		r.Header.Set("DPoP", key)
		return r
	}
	bubble(t, rigOptions{handler: passbearer.TokenHandlerOptions{DPoP: &proofs{}}}, func(t *testing.T, r *rig) {
		for _, client := range []struct{ id, secret string }{{"app", ""}, {"backend", "s3cret"}} {
			if client.secret != "" {
				r.must(r.store.AddClient(t.Context(), passbearer.Client{ID: client.id, SecretHash: passbearer.ClientSecretHash(client.secret)}))
			}
			credentials := []string{"client_id", client.id, "client_secret", client.secret}
			a := r.do(proved("k1", append(credentials, "username", "johndoe", "password", "secret")...))
			require.Equal(t, 200, a.status, a.raw)
			require.Contains(t, a.raw, `"token_type":"DPoP"`)
			require.Equal(t, passbearer.Confirmation{Method: "jkt", Thumbprint: "k1"}, r.issuer.last().Confirmation)
			r.sid = r.issuer.last().SessionID
			again := append(credentials, "grant_type", "refresh_token", "refresh_token", a.body.Refresh)
			if client.secret == "" {
				require.Equal(t, "k1", r.kept().JKT)
				require.Equal(t, refusedRefresh, r.do(tokenRequest(again...)).raw)
				require.Equal(t, refusedRefresh, r.do(proved("k2", again...)).raw)
				a = r.do(proved("k1", again...))
			} else {
				require.Empty(t, r.kept().JKT)
				a = r.do(proved("k2", again...))
				require.Equal(t, "k2", r.issuer.last().Confirmation.Thumbprint)
			}
			require.Equal(t, 200, a.status, a.raw)
			require.Contains(t, a.raw, `"token_type":"DPoP"`)
		}
		a := r.do(tokenRequest("client_id", "app", "username", "johndoe", "password", "secret"))
		require.Contains(t, a.raw, `"token_type":"bearer"`, "a proof is no duty")
	})
}

func TestTokenRequestsProofs(t *testing.T) {
	for _, tt := range []struct {
		proof    string
		required bool
		status   int
		body     string
	}{
		{"", true, 400, `"error":"invalid_dpop_proof"`},
		{"stale", false, 400, `"error":"use_dpop_nonce"`},
		{"down", false, 503, `"error":"temporarily_unavailable"`},
		{"panic", false, 500, `"error":"server_error"`},
		{"nothing", false, 503, `"error":"temporarily_unavailable"`},
	} {
		r := newRig(t, rigOptions{handler: passbearer.TokenHandlerOptions{DPoP: &proofs{}, RequireDPoP: tt.required}})
		req := tokenRequest("client_id", "app", "username", "johndoe", "password", "secret")
		if tt.proof != "" {
			req.Header.Set("DPoP", tt.proof)
		}
		a := r.do(req)
		require.Equal(t, tt.status, a.status, tt.proof)
		require.Contains(t, a.raw, tt.body)
		require.Empty(t, a.header.Values("WWW-Authenticate"))
		require.Equal(t, tt.proof == "stale", a.header.Get("DPoP-Nonce") == "n1")
		require.Empty(t, r.issuer.issued)
	}
	require.Panics(t, func() {
		passbearer.NewTokenHandler(memstore.New(), new(fakeIssuer), &passbearer.TokenHandlerOptions{RequireDPoP: true})
	})
}

func TestAfterPassword(t *testing.T) {
	refusal := &passbearer.Error{StatusCode: 400, ErrorCode: "mfa_required", ErrorDescription: "A second factor is demanded", Extra: map[string]any{"mfa_token": "m1"}}
	var answer error
	o := passbearer.TokenHandlerOptions{AfterPassword: func(_ context.Context, req *passbearer.GrantRequest, g *passbearer.Grant) error {
		g.ACR = req.Client.ID + " " + g.User.ID
		return answer
	}}
	r := newRig(t, rigOptions{handler: o})
	r.signIn()
	require.Equal(t, "app u1", r.issuer.last().ACR)

	signIn := func(password string) reply {
		return r.do(tokenRequest("client_id", "app", "username", "johndoe", "password", password))
	}
	issued := len(r.issuer.issued)
	answer = refusal
	a := signIn("secret")
	require.Equal(t, 400, a.status)
	require.Equal(t, "mfa_required", a.body.Error)
	require.Contains(t, a.raw, `"mfa_token":"m1"`)
	require.Contains(t, a.header.Get("Set-Cookie"), "__Host-passbearer-device=", "the throttle knows the device from now on")
	require.Nil(t, refusal.Header, "an error of the application's is not changed")
	require.Equal(t, "invalid_grant", signIn("wrong").body.Error)

	answer = errors.New("secret cause")
	a = signIn("secret")
	require.Equal(t, 503, a.status)
	require.NotContains(t, a.raw, "secret cause")
	require.Len(t, r.issuer.issued, issued)
}

func TestClientOptional(t *testing.T) {
	r := newRig(t, rigOptions{handler: passbearer.TokenHandlerOptions{ClientOptional: true, ClientID: "own"}})
	r.must(r.store.AddClient(t.Context(), passbearer.Client{ID: "backend", SecretHash: passbearer.ClientSecretHash("s3cret")}))
	for _, tt := range []struct {
		basic  string
		pairs  []string
		client string // empty: refused
	}{
		{"", nil, "own"},
		{":", nil, "own"},
		{"", []string{"client_id", "", "client_secret", ""}, "own"},
		{"", []string{"client_id", "app"}, "app"},
		{"backend:s3cret", nil, "backend"},
		{"backend:wrong", nil, ""},
		{"", []string{"client_id", "nobody"}, ""},
		{"", []string{"client_id", "own"}, ""}, // it is nobody's name
		{"", []string{"client_secret", "s3cret"}, ""},
		{"", []string{"client_assertion", "x"}, ""},
		{"x", nil, ""},
	} {
		req := tokenRequest(append(tt.pairs, "username", "johndoe", "password", "secret")...)
		if tt.basic != "" {
			req.Header.Set("Authorization", basic(tt.basic))
		}
		a := r.do(req)
		if tt.client == "" {
			require.Equal(t, 401, a.status, tt)
			require.Equal(t, "invalid_client", a.body.Error)
			continue
		}
		require.Equal(t, 200, a.status, tt)
		require.Equal(t, tt.client, r.issuer.last().ClientID)
	}
	r.tokens = []string{r.do(tokenRequest("username", "johndoe", "password", "secret")).body.Refresh}
	a := r.do(tokenRequest("grant_type", "refresh_token", "refresh_token", r.tokens[0]))
	require.Equal(t, 200, a.status, a.raw)
	require.Equal(t, "invalid_grant", r.refresh(a.body.Refresh).body.Error, "another client's")
	require.Panics(t, func() {
		passbearer.NewTokenHandler(r.store, r.issuer, &passbearer.TokenHandlerOptions{ClientOptional: true})
	})
}

// TestIntrospect: a session is told of as long as its refresh token is good.
func TestIntrospect(t *testing.T) {
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		live := func(client, token string, grace ...time.Duration) bool {
			t.Helper()
			before := r.kept()
			c := &passbearer.Client{ID: client}
			for _, d := range grace {
				c.RefreshGrace = d
			}
			row, err := r.engine.Introspect(t.Context(), c, token)
			require.NoError(t, err)
			require.Equal(t, before, r.kept(), "nothing changes")
			if row != nil {
				require.Equal(t, r.sid, row.ID)
			}
			return row != nil
		}
		require.True(t, live("app", r.tokens[0]))
		require.False(t, live("web", r.tokens[0]))
		require.False(t, live("app", r.tokens[0]+"A"))
		require.False(t, live("app", "x"))
		r.run("0>1")
		require.True(t, live("app", r.tokens[0]), "in the grace it may be repeated")
		require.False(t, live("app", r.tokens[0], -1), "which this client has not")
		time.Sleep(time.Minute)
		require.False(t, live("app", r.tokens[0]))
		require.True(t, live("app", r.tokens[0], time.Hour), "of this client")
		r.run("1>2")
		require.False(t, live("app", r.tokens[0]), "and no theft is seen in asking")
		require.True(t, live("app", r.tokens[2]))
		for _, incident := range []string{"disable", "end"} {
			r.run(incident)
			require.False(t, live("app", r.tokens[2]), incident)
		}
		r.fail("SessionByID", errDown)
		_, err := r.engine.Introspect(t.Context(), &passbearer.Client{ID: "app"}, r.tokens[2])
		require.Error(t, err)
	})
	bubble(t, rigOptions{}, func(t *testing.T, r *rig) {
		r.run("swapuser")
		row, err := r.engine.Introspect(t.Context(), &passbearer.Client{ID: "app"}, r.tokens[0])
		require.NoError(t, err)
		require.Nil(t, row, "the row is another user's")
	})
}
