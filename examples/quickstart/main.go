// Command quickstart is a small API whose users sign in with a name and a
// password: two users, five routes, everything in memory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", "localhost:8000", "the `address` to listen on")
	lifetime := flag.Duration("lifetime", 15*time.Minute, "how long an access token lives")
	flag.Parse()
	if *lifetime < time.Second {
		log.Fatal("-lifetime: an access token lives for 1s or longer")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Stdout, *addr, *lifetime); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx is done, and then lets requests come to their end.
func run(ctx context.Context, out io.Writer, addr string, lifetime time.Duration) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	api, err := newAPI(ctx, url, lifetime)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintf(out, "Listening on %s. Sign in:\n\n  curl '%s/token' -d username=johndoe -d password=secret\n\n", url, url)
	server := &http.Server{Handler: api, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
