package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
)

// The rows that are looked up by name.
const (
	bareSignature = "the bare signature"
	tokenAlone    = "IssueToken"
	passwordGrant = "password, without the hash"
	throttled     = passwordGrant + ", throttled"
	refreshGrant  = "refresh_token, over memstore"
)

// issuing compares what the token endpoint costs with the signature, which it cannot do without. No row hashes
// a password.
func issuing(s *suite) *table {
	t := &table{title: s.alg + ", the token endpoint"}
	signed, _ := cutSignature(s.token)
	signature := t.add(bareSignature, s.bareSign(signed))
	t.add(tokenAlone, func() { s.issue("read write") })
	password := "grant_type=password&username=alice&password=correct+horse+battery+staple"
	alone := passbearer.TokenHandlerOptions{InsecureSkipThrottling: true, Observer: quiet{}}
	t.add(passwordGrant, forms(s.endpoint(&alone), password))
	t.add(throttled, forms(s.endpoint(&passbearer.TokenHandlerOptions{Observer: quiet{}}), password))
	t.add(refreshGrant, s.refreshes(password))
	for _, r := range t.rows[1:] {
		r.base = signature
	}
	return t
}

func (s *suite) bareSign(signed string) func() {
	text := []byte(signed)
	switch key := s.private.(type) {
	case []byte:
		mac, sum := hmac.New(sha256.New, key), make([]byte, 0, sha256.Size)
		return func() {
			mac.Reset()
			mac.Write(text)
			mac.Sum(sum)
		}
	case *ecdsa.PrivateKey:
		return func() {
			hash := sha256.Sum256(text)
			must(ecdsa.SignASN1(rand.Reader, key, hash[:]))
		}
	case ed25519.PrivateKey:
		return func() { ed25519.Sign(key, text) }
	case *rsa.PrivateKey:
		return func() {
			hash := sha256.Sum256(text)
			must(rsa.SignPKCS1v15(nil, key, crypto.SHA256, hash[:]))
		}
	}
	panic("no such key")
}

func (s *suite) endpoint(opts *passbearer.TokenHandlerOptions) *passbearer.TokenHandler {
	return passbearer.NewTokenHandler(trustingUsers{newUsers()}, s.tokens, opts)
}

func newUsers() *memstore.Store {
	return memstore.New(passbearer.User{ID: "0198f2a4-7c31-7d1e-9c55-2f6f4c1f8a10", Name: "alice", Scope: "read write"})
}

// trustingUsers take every password at once.
type trustingUsers struct{ *memstore.Store }

func (trustingUsers) VerifyPassword(context.Context, string, string) (bool, error) { return true, nil }

// forms returns an operation: a token request with that body.
func forms(h http.Handler, body string) func() {
	f, text := newForm(h), []byte(body)
	return func() { f.post(text) }
}

// refreshes returns an operation that refreshes with the token that the one before got.
func (s *suite) refreshes(password string) func() {
	users := trustingUsers{newUsers()}
	keys := must(passbearer.NewRefreshKeys(issuer, bytes.Repeat([]byte("k"), 32)))
	sessions := passbearer.NewSessions(users, users, keys, &passbearer.SessionsOptions{Observer: quiet{}})
	f := newForm(passbearer.NewTokenHandler(users, s.tokens, &passbearer.TokenHandlerOptions{
		Sessions: sessions, InsecureSkipThrottling: true, Observer: quiet{}}))
	f.post([]byte(password))
	from, to := f.refreshToken()
	body := []byte("grant_type=refresh_token&refresh_token=")
	start := len(body)
	return func() {
		body = append(body[:start], f.w.body[from:to]...)
		f.post(body)
	}
}

// form posts forms to a handler.
type form struct {
	h    http.Handler
	r    *http.Request
	body reader
	w    formAnswer
}

func newForm(h http.Handler) *form {
	f := &form{h: h}
	f.r = &http.Request{Method: "POST", URL: &url.URL{Path: "/token"}, Body: &f.body,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {"benchmarks"}},
		Host:   "api.example", RemoteAddr: "192.0.2.1:49152"}
	f.r = f.r.WithContext(context.WithValue(context.Background(), http.ServerContextKey, new(http.Server)))
	f.w.header = make(http.Header)
	return f
}

func (f *form) post(body []byte) {
	f.body.rest = body
	f.r.ContentLength = int64(len(body))
	clear(f.w.header)
	f.w.status, f.w.body = http.StatusOK, f.w.body[:0]
	f.h.ServeHTTP(&f.w, f.r)
	if f.w.status != http.StatusOK {
		panic("the answer is " + string(f.w.body))
	}
}

// refreshToken returns where it stands in an answer. All answers have it in the same place, and to look for it in each
// would be the client's work.
func (f *form) refreshToken() (from, to int) {
	const before = `"refresh_token":"`
	from = bytes.Index(f.w.body, []byte(before)) + len(before)
	return from, from + bytes.IndexByte(f.w.body[from:], '"')
}

// reader is a body that has arrived.
type reader struct{ rest []byte }

func (r *reader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (*reader) Close() error { return nil }

// formAnswer is a ResponseWriter that costs nothing and, as net/http's, takes a deadline.
type formAnswer struct {
	answer
	body []byte
}

func (*formAnswer) SetReadDeadline(time.Time) error { return nil }

func (a *formAnswer) Write(p []byte) (int, error) {
	a.body = append(a.body, p...)
	return len(p), nil
}
