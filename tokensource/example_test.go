package tokensource_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"golang.org/x/oauth2"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/tokensource"
)

// A command-line client asks for the password at its first start, and goes on with that
// session at the next.
func Example() {
	server := httptest.NewServer(newServer())
	defer server.Close()
	home, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(home)

	for range 2 {
		fmt.Println("$ items")
		if err := items(context.Background(), server.URL, filepath.Join(home, "token.json")); err != nil {
			panic(err)
		}
	}
	// Output:
	// $ items
	// Password for johndoe:
	// Hello, johndoe
	// $ items
	// Hello, johndoe
}

// items is the client's main function.
func items(ctx context.Context, server, file string) (err error) {
	config := &oauth2.Config{
		ClientID: "items-cli",
		Endpoint: oauth2.Endpoint{TokenURL: server + "/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	source := tokensource.New(config, tokensource.File(file), nil)
	defer func() { err = errors.Join(err, source.Flush(ctx)) }()

	_, err = source.TokenContext(ctx)
	if errors.Is(err, tokensource.ErrSignInRequired) {
		fmt.Println("Password for johndoe:")
		var token *oauth2.Token
		if token, err = config.PasswordCredentialsToken(ctx, "johndoe", "secret"); err == nil {
			err = source.SetToken(ctx, token)
		}
	}
	if err != nil {
		return err // also where the server is away: the session is kept
	}

	res, err := source.Client().Get(server + "/items/")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(os.Stdout, res.Body)
	return err
}

// newServer is what the client talks to.
func newServer() http.Handler {
	johndoe, err := passbearer.NewUser(context.Background(), "johndoe", "secret", "items:read")
	if err != nil {
		panic(err)
	}
	const url = "https://api.example"
	store := memstore.New(johndoe)
	keys, err := passbearer.NewRefreshKeys(url, []byte(rand.Text()+rand.Text()))
	if err != nil {
		panic(err)
	}
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil)
	if err != nil {
		panic(err)
	}
	hello := func(w http.ResponseWriter, _ *http.Request, u *passbearer.User) {
		fmt.Fprintf(w, "Hello, %s\n", u.Name)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /token", passbearer.NewTokenHandler(store, tokens, &passbearer.TokenHandlerOptions{
		Sessions: passbearer.NewSessions(store, store, keys, nil),
	}))
	mux.Handle("GET /items/", passbearer.NewGuard(tokens, nil).Require("items:read").
		HandlerFunc(passbearer.WithUser(passbearer.CurrentUser(store), hello)))
	return mux
}
