package moving

import (
	"net/http"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// fastAPI are the tokens of FastAPI's tutorial: sub and, on its last page, scope.
var fastAPI = &jwttoken.Foreign{Types: []string{"JWT"}}

// sameAnswers has the answers that a front end of FastAPI's tutorial knows.
func sameAnswers(users passbearer.UserStore, tokens *jwttoken.Tokens) (*passbearer.Guard, http.Handler) {
	flavour := passbearer.FastAPI{} // SignInStatus: 400 for the answers of the page on scopes
	guard := passbearer.NewGuard(tokens, &passbearer.GuardOptions{Deny: flavour.Deny})
	signIn := passbearer.NewTokenHandler(users, tokens, &passbearer.TokenHandlerOptions{
		Answer: flavour.AnswerTokenRequest,
		Deny:   flavour.DenyTokenRequest,
	})
	return guard, signIn
}
