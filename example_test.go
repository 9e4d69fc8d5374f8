package passbearer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

const site = "https://api.example"

// newTokens would have keys from a file or a key service in a real program.
func newTokens() *jwttoken.Tokens {
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), site, site, nil)
	if err != nil {
		panic(err)
	}
	return tokens
}

// call sends a request with a bearer token, or without one.
func call(h http.Handler, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", "/items/", nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// tokenFor skips the sign-in.
func tokenFor(tokens *jwttoken.Tokens, scope passbearer.Scope) string {
	token, err := tokens.IssueToken(context.Background(), passbearer.Claims{Subject: "u1", ClientID: "web", Scope: scope, Extra: `{"tenant":"blue"}`})
	if err != nil {
		panic(err)
	}
	return token
}

// The tutorial's first step: take the token, whatever it is.
func ExampleBearerToken() {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := passbearer.BearerToken(r)
		if err != nil {
			passbearer.Deny(w, r, err)
			return
		}
		fmt.Fprintf(w, "the token is %s\n", token)
	})
	fmt.Print(call(h, "my_secret_token").Body)
	w := call(h, "")
	fmt.Print(w.Code, " ", w.Header().Get("WWW-Authenticate"), " ", w.Body)
	// Output:
	// the token is my_secret_token
	// 401 Bearer {"detail":"Not authenticated"}
}

func ExampleNewGuard() {
	tokens := newTokens()
	guard := passbearer.NewGuard(tokens, nil)
	h := guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, c *passbearer.Claims) {
		fmt.Fprintf(w, "Hello, %s\n", c.Subject)
	})
	fmt.Print(call(h, tokenFor(tokens, "")).Body)
	fmt.Println(call(h, "forged").Header().Get("WWW-Authenticate"))
	// Output:
	// Hello, u1
	// Bearer realm="api", error="invalid_token", error_description="Could not validate credentials"
}

func ExampleGuard_Handler() {
	tokens := newTokens()
	guard := passbearer.NewGuard(tokens, nil)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/", func(w http.ResponseWriter, r *http.Request) {
		c, _ := passbearer.FromContext(r.Context())
		fmt.Fprintf(w, "Hello, %s\n", c.Subject)
	})
	h := guard.Handler(mux) // an existing handler, or a router's Use(guard.Handler)
	fmt.Print(call(h, tokenFor(tokens, "")).Body)
	fmt.Print(call(h, "").Code)
	// Output:
	// Hello, u1
	// 401
}

func ExampleGuard_Check() {
	tokens := newTokens()
	optional := passbearer.NewGuard(tokens, &passbearer.GuardOptions{Optional: true})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := optional.Check(r)
		switch {
		case err != nil:
			passbearer.Deny(w, r, err)
		case c == nil:
			fmt.Fprintln(w, "Hello, stranger")
		default:
			fmt.Fprintf(w, "Hello, %s\n", c.Subject)
		}
	})
	fmt.Print(call(h, "").Body)
	fmt.Print(call(h, tokenFor(tokens, "")).Body)
	fmt.Print(call(h, "expired").Code)
	// Output:
	// Hello, stranger
	// Hello, u1
	// 401
}

func ExampleGuard_Require() {
	tokens := newTokens()
	guard := passbearer.NewGuard(tokens, nil)
	h := guard.Require("items:read", "items:write").HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request, _ *passbearer.Claims) { fmt.Fprintln(w, "admitted") })
	fmt.Print(call(h, tokenFor(tokens, "me items:read items:write")).Body)
	fmt.Print(call(h, tokenFor(tokens, "items:read")).Code)
	// Output:
	// admitted
	// 403
}

// Scopes are arguments of their own: one string with two of them is a mistake
// that is found when the program starts.
func ExampleGuard_Require_incorrect() {
	defer func() { fmt.Println(recover()) }()
	passbearer.NewGuard(newTokens(), nil).Require("items:read items:write")
	// Output:
	// passbearer: Require("items:read items:write"): give each scope as an argument of its own, in the characters of RFC 6749 §3.3
}

// A handler that looks for claims itself can be mounted without a Guard, and
// then finds none. One that takes them as an argument cannot: use
// [passbearer.Guard.HandlerFunc].
func ExampleFromContext_incorrect() {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := passbearer.FromContext(r.Context())
		fmt.Fprintln(w, c != nil, ok)
	})
	fmt.Print(call(h, tokenFor(newTokens(), "")).Body)
	// Output:
	// false false
}

// "Get current user": the handler takes the application's own type.
func ExampleWithUser() {
	type customer struct{ name, plan string }
	customers := map[string]customer{"u1": {"John Doe", "gold"}}
	load := func(_ context.Context, c *passbearer.Claims) (customer, error) {
		found, ok := customers[c.Subject]
		if !ok {
			return customer{}, passbearer.ErrUserNotFound
		}
		return found, nil
	}
	show := func(w http.ResponseWriter, _ *http.Request, c customer) {
		fmt.Fprintf(w, "%s has the plan %s\n", c.name, c.plan)
	}
	tokens := newTokens()
	h := passbearer.NewGuard(tokens, nil).HandlerFunc(passbearer.WithUser(load, show))
	fmt.Print(call(h, tokenFor(tokens, "")).Body)
	// Output:
	// John Doe has the plan gold
}

func ExampleExtraClaims() {
	tokens := newTokens()
	h := passbearer.NewGuard(tokens, nil).HandlerFunc(func(w http.ResponseWriter, _ *http.Request, c *passbearer.Claims) {
		extra, err := passbearer.ExtraClaims[struct{ Tenant string }](c)
		fmt.Fprintln(w, extra.Tenant, err)
	})
	fmt.Print(call(h, tokenFor(tokens, "")).Body)
	// Output:
	// blue <nil>
}

// An application that signs its users in by itself needs the form alone.
func ExampleParsePasswordForm() {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form, err := passbearer.ParsePasswordForm(r)
		if err != nil {
			passbearer.DenyTokenRequest(w, r, err)
			return
		}
		fmt.Fprintln(w, form.Username, form.Scope, form)
	})
	for _, body := range []string{"username=johndoe&password=secret&scope=me", "username=johndoe"} {
		r := httptest.NewRequest("POST", "/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Print(w.Body)
	}
	// Output:
	// johndoe me PasswordForm{…}
	// {"detail":"Missing parameter: password","error":"invalid_request","error_description":"Missing parameter: password"}
}

func ExampleNewTokenHandler() {
	johndoe, err := passbearer.NewUser(context.Background(), "johndoe", "secret", "me items:read")
	if err != nil {
		panic(err)
	}
	h := passbearer.NewTokenHandler(memstore.New(johndoe), newTokens(), nil)
	fmt.Println(signIn(h, "username=johndoe&password=secret&scope=me"))
	fmt.Println(signIn(h, "username=johndoe&password=wrong"))
	// Output:
	// 200 bearer me
	// 400 invalid_grant
}

// FastAPI's answers, for a front end that was written against them.
func ExampleFastAPI() {
	users, tokens := memstore.New(), newTokens()
	flavour := passbearer.FastAPI{} // SignInStatus: 400 for the answers of the page on scopes
	guard := passbearer.NewGuard(tokens, &passbearer.GuardOptions{Deny: flavour.Deny})
	signIn := passbearer.NewTokenHandler(users, tokens, &passbearer.TokenHandlerOptions{
		Answer: flavour.AnswerTokenRequest,
		Deny:   flavour.DenyTokenRequest,
	})
	w := call(guard.Require("me").Handler(signIn), "garbage")
	fmt.Print(w.Code, " ", w.Header().Get("WWW-Authenticate"), " ", w.Body)
	// Output:
	// 401 Bearer scope="me" {"detail":"Could not validate credentials"}
}

// Sessions add refresh tokens.
func ExampleNewSessions() {
	johndoe, err := passbearer.NewUser(context.Background(), "johndoe", "secret", "me")
	if err != nil {
		panic(err)
	}
	secret := make([]byte, 32) // random in a real program, and the same in every instance
	keys, err := passbearer.NewRefreshKeys(site, secret)
	if err != nil {
		panic(err)
	}
	store := memstore.New(johndoe)
	sessions := passbearer.NewSessions(store, store, keys, nil)
	h := passbearer.NewTokenHandler(store, newTokens(), &passbearer.TokenHandlerOptions{Sessions: sessions})
	fmt.Println(signIn(h, "username=johndoe&password=secret"))
	list, err := sessions.List(context.Background(), johndoe.ID)
	fmt.Println(len(list), err)
	fmt.Println(sessions.EndAll(context.Background(), johndoe.ID))
	list, err = sessions.List(context.Background(), johndoe.ID)
	fmt.Println(len(list), err)
	// Output:
	// 200 bearer me
	// 1 <nil>
	// <nil>
	// 0 <nil>
}

// With Revocations a sign-out is in effect on the next request, here at once and in
// other processes as soon as the store has told them.
func ExampleNewRevocations() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	store, tokens := memstore.New(), newTokens()
	revocations := passbearer.NewRevocations(passbearer.RefuseWhenStale, nil)
	go revocations.Watch(ctx, store) // with all stores that end something
	guard := passbearer.NewGuard(revocations.Verifier(tokens), nil)
	keys, err := passbearer.NewRefreshKeys(site, make([]byte, 32)) // random in a real program
	if err != nil {
		panic(err)
	}
	sessions := passbearer.NewSessions(store, store, keys, &passbearer.SessionsOptions{Revocations: revocations})
	http.Handle("/token", passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{Sessions: sessions}))
	http.Handle("POST /sign-out", guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request, c *passbearer.Claims) {
		if err := sessions.End(r.Context(), c.Subject, c.SessionID); err != nil {
			passbearer.DenyTokenRequest(w, r, err)
		}
	}))
}

// The library's own user in the place of a type of your own.
func ExampleCurrentUser() {
	johndoe, err := passbearer.NewUser(context.Background(), "johndoe", "secret", "me")
	if err != nil {
		panic(err)
	}
	show := func(w http.ResponseWriter, _ *http.Request, u *passbearer.User) {
		fmt.Fprintf(w, "Hello, %s\n", u.Name)
	}
	tokens := newTokens()
	h := passbearer.NewGuard(tokens, nil).HandlerFunc(passbearer.WithUser(passbearer.CurrentUser(memstore.New(johndoe)), show))
	token, err := tokens.IssueToken(context.Background(), passbearer.Claims{Subject: johndoe.ID, ClientID: "web"})
	if err != nil {
		panic(err)
	}
	fmt.Print(call(h, token).Body)
	fmt.Print(call(h, tokenFor(tokens, "")).Code) // of a user who is no more
	// Output:
	// Hello, johndoe
	// 401
}

// A sensitive route demands that the user signed in a short while ago.
func ExampleGuard_RequireAuthAge() {
	tokens := newTokens()
	guard := passbearer.NewGuard(tokens, nil).RequireAuthAge(5 * time.Minute)
	h := guard.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, _ *passbearer.Claims) { fmt.Fprintln(w, "deleted") })
	for _, age := range []time.Duration{time.Minute, time.Hour} {
		authTime := passbearer.NumericDate(time.Now().Add(-age).Unix())
		token, err := tokens.IssueToken(context.Background(), passbearer.Claims{Subject: "u1", ClientID: "web", AuthTime: authTime})
		if err != nil {
			panic(err)
		}
		w := call(h, token)
		challenge := w.Header().Get("WWW-Authenticate")
		fmt.Println(w.Code, strings.Contains(challenge, `error="insufficient_user_authentication"`), strings.HasSuffix(challenge, `max_age="300"`))
	}
	// Output:
	// 200 false false
	// 401 true true
}

// A grant type of the application's own: a link that was sent by mail.
func ExampleGrantFunc() {
	johndoe, err := passbearer.NewUser(context.Background(), "johndoe", "secret", "me")
	if err != nil {
		panic(err)
	}
	mailed := func(_ context.Context, q *passbearer.GrantRequest) (*passbearer.Grant, error) {
		if q.Param("code") != "c0de" { // look it up, and use it once
			return nil, &passbearer.Error{StatusCode: http.StatusBadRequest, ErrorCode: "invalid_grant", ErrorDescription: "This link was used or is too old"}
		}
		return &passbearer.Grant{User: &johndoe, Scope: "me"}, nil
	}
	h := passbearer.NewTokenHandler(memstore.New(johndoe), newTokens(), &passbearer.TokenHandlerOptions{
		Grants: map[string]passbearer.GrantFunc{"urn:example:mailed-link": mailed},
	})
	fmt.Println(signIn(h, "grant_type=urn:example:mailed-link&code=c0de"))
	fmt.Println(signIn(h, "grant_type=urn:example:mailed-link&code=guess"))
	// Output:
	// 200 bearer me
	// 400 invalid_grant
}

// Sign-ins that failed, for a counter; all else goes to the log.
func ExampleObserver() {
	observer := &countFailures{Observer: passbearer.LogObserver(slog.New(slog.DiscardHandler))}
	h := passbearer.NewTokenHandler(memstore.New(), newTokens(), &passbearer.TokenHandlerOptions{Observer: observer})
	fmt.Println(signIn(h, "username=johndoe&password=guess"))
	fmt.Println("failed:", observer.failed.Load())
	// Output:
	// 400 invalid_grant
	// failed: 1
}

type countFailures struct {
	passbearer.Observer
	failed atomic.Int64
}

func (c *countFailures) Event(ctx context.Context, e passbearer.Event) {
	if e.Kind == passbearer.EventSignInFailed {
		c.failed.Add(1)
		return
	}
	c.Observer.Event(ctx, e)
}

// signIn tells what is the same at each run.
func signIn(h http.Handler, form string) string {
	r := httptest.NewRequest("POST", "/token", strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var body struct {
		TokenType string `json:"token_type"`
		Scope     string `json:"scope"`
		Error     string `json:"error"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		panic(err)
	}
	if body.Error != "" {
		return fmt.Sprint(w.Code, " ", body.Error)
	}
	return fmt.Sprint(w.Code, " ", body.TokenType, " ", body.Scope)
}
