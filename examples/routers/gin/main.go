// Command gin guards the routes of gin. The glue is guarded: gin goes on to the
// next handler unless it is told to abort, and its context hides the request's.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
)

func main() {
	addr := flag.String("addr", "localhost:8000", "the `address` to listen on")
	flag.Parse()
	johndoe := must(passbearer.NewUser(context.Background(), "johndoe", "secret", "me"))
	const url = "http://localhost:8000"
	tokens := must(jwttoken.New(jwttoken.EphemeralKeys(), url, url, nil))
	guard := passbearer.NewGuard(tokens, nil)

	router := gin.New()
	router.ContextWithFallback = true    // gin's context has what the request's has
	router.HandleMethodNotAllowed = true // 405, which gin leaves out by default
	router.POST("/token", gin.WrapH(passbearer.NewTokenHandler(memstore.New(johndoe), tokens, nil)))
	router.GET("/me", guarded(guard.Require("me")), me)
	router.Group("/admin", guarded(guard.Require("admin"))).GET("", me)

	listener := must(net.Listen("tcp", *addr))
	fmt.Printf("Listening on http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, router))
}

func me(c *gin.Context) {
	claims, _ := passbearer.FromContext(c)
	c.String(http.StatusOK, "Hello, user %s\n", claims.Subject)
}

func guarded(guard *passbearer.Guard) gin.HandlerFunc {
	return func(c *gin.Context) {
		if r := guard.Admit(c.Writer, c.Request); r != nil {
			c.Request = r
		} else {
			c.Abort()
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
