// Command quickstart is a small API whose users sign in with a name and a
// password: two users, five routes and their documentation, and what must last in a
// file beside it, or in PostgreSQL and Redis.
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

// options are the command's flags.
type options struct {
	addr, db, postgres, redis string
	lifetime                  time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "localhost:8000", "the `address` to listen on")
	flag.StringVar(&o.db, "db", "quickstart.db", "the SQLite `file`; the two key files are beside it, also without it, and the same for every instance")
	flag.StringVar(&o.postgres, "postgres", "", "keep users and sessions in PostgreSQL at this `URL`, and not in the file")
	flag.StringVar(&o.redis, "redis", "", "keep sessions in Redis at this `URL`")
	flag.DurationVar(&o.lifetime, "lifetime", 15*time.Minute, "how long an access token lives")
	flag.Parse()
	if o.lifetime < time.Second || o.lifetime > 24*time.Hour {
		log.Fatal("-lifetime: an access token lives for 1s to 24h")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Stdout, o); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx is done, and then lets requests come to their end.
func run(ctx context.Context, out io.Writer, o options) (err error) {
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	stores, err := openStores(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	watching, stop := context.WithCancel(context.WithoutCancel(ctx)) // also while requests come to their end
	defer stop()
	api, err := newAPI(watching, stores, o)
	if err != nil {
		return err
	}
	url := "http://" + listener.Addr().String()
	fmt.Fprintf(out, "Listening on %s. Sign in:\n\n  curl '%s/token' -d username=johndoe -d password=secret\n\n", url, url)
	fmt.Fprintf(out, "or on %s/docs\n", url)
	return serve(ctx, listener, api)
}

func serve(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
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
