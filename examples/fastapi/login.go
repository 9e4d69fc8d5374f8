package main

import (
	"context"

	"github.com/passbearer/passbearer"
)

func loginApp() routes {
	users := fakeUsers{"johndoe": "fakehashedsecret"}
	app := extractApp()
	app["/token"] = route{"POST", passbearer.NewTokenHandler(users, nameIssuer{}, &passbearer.TokenHandlerOptions{
		ScopePolicy:   grantAll,
		CanonicalName: asTyped,
		Answer:        passbearer.FastAPI{}.AnswerTokenRequest,
		Deny:          passbearer.FastAPI{}.DenyTokenRequest,
	})}
	return app
}

// fakeUsers are fake hashes by name.
type fakeUsers map[string]string

func (f fakeUsers) UserByName(_ context.Context, name string) (*passbearer.User, error) {
	if _, ok := f[name]; !ok {
		return nil, passbearer.ErrUserNotFound
	}
	return &passbearer.User{ID: name, Name: name}, nil
}

func (f fakeUsers) UserByID(ctx context.Context, id string) (*passbearer.User, error) {
	return f.UserByName(ctx, id)
}

func (f fakeUsers) VerifyPassword(_ context.Context, name, password string) (bool, error) {
	return f[name] == "fakehashed"+password, nil
}

// nameIssuer makes the name the token. Never do this.
type nameIssuer struct{}

func (nameIssuer) IssueToken(_ context.Context, c passbearer.Claims) (string, error) {
	return c.Subject, nil
}
