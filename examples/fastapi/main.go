// Command fastapi is the FastAPI tutorial's applications in Go, answer by answer:
// -app extract takes any bearer token, -app login signs in with fake hashes, -app
// scopes has real hashes, JSON Web Tokens and scopes. The last two have /docs.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
)

func newApp(name string) (http.Handler, error) {
	switch name {
	case "extract":
		return extractApp(), nil
	case "login":
		return documented(loginApp()), nil
	case "scopes":
		app, err := scopesApp()
		if err != nil {
			return nil, err
		}
		return documented(app), nil
	}
	return nil, fmt.Errorf("-app %s: use extract, login or scopes", name)
}

func main() {
	addr := flag.String("addr", "localhost:8000", "the `address` to listen on")
	app := flag.String("app", "scopes", "extract, login or scopes")
	flag.Parse()
	handler, err := newApp(*app)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("%s: listening on http://%s", *app, *addr)
	log.Fatal(http.ListenAndServe(*addr, handler))
}
