package badinputs

import (
	"io"
	"net/http"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

func (s *server) mountResources() {
	verifier := s.revoked.Verifier(s.tokens)
	guard := func(o passbearer.GuardOptions) *passbearer.Guard {
		o.Observer = s.book
		return passbearer.NewGuard(verifier, &o)
	}
	s.guard = guard(passbearer.GuardOptions{})
	s.mux.Handle("/items", s.guard.HandlerFunc(s.record))
	s.mux.Handle("/admin", s.guard.Require("admin").HandlerFunc(s.record))
	fromContext := func(w http.ResponseWriter, r *http.Request) {
		c, _ := passbearer.FromContext(r.Context())
		s.record(w, r, c)
	}
	s.mux.Handle("/optional", guard(passbearer.GuardOptions{Optional: true}).Handler(http.HandlerFunc(fromContext)))
	s.mux.Handle("/me", s.guard.HandlerFunc(passbearer.WithUser(passbearer.CurrentUser(s.users),
		func(w http.ResponseWriter, r *http.Request, _ *passbearer.User) { fromContext(w, r) })))
	s.mux.Handle("/extracted", guard(passbearer.GuardOptions{Extract: func(r *http.Request) (string, error) {
		return r.URL.Query().Get("t"), nil
	}}).HandlerFunc(s.record))
	for alg, key := range s.verifying() {
		keys := must(jwttoken.NewKeys(must(jwttoken.NewKey(alg, key, kidOf(alg)))))
		v := must(jwttoken.NewVerifier(keys, issuer, audience, &jwttoken.Options{Now: s.clock.now}))
		s.mux.Handle("/key/"+string(alg), passbearer.NewGuard(v, &passbearer.GuardOptions{Observer: s.book}).HandlerFunc(s.record))
	}
}

// record is the protected handler.
func (s *server) record(w http.ResponseWriter, r *http.Request, c *passbearer.Claims) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	called := call{body: string(body)}
	if c != nil {
		called.claims = *c
	}
	s.book.called(called)
	io.WriteString(w, "{}\n")
}
