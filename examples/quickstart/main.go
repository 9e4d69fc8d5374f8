// Command quickstart is a small API whose users sign in with a name and a
// password: two users and a client, an API and its documentation, what OAuth clients
// look for at the usual paths, and what must last in a file beside it, or in
// PostgreSQL and Redis.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are the command's flags.
type options struct {
	addr, issuer, db, postgres, redis string
	lifetime                          time.Duration
	proxy                             netip.Prefix
}

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "localhost:8000", "the `address` to listen on")
	flag.StringVar(&o.issuer, "issuer", "", "the `URL` at which clients reach this service, named in its tokens; the same for every instance (default that of -addr)")
	flag.StringVar(&o.db, "db", "quickstart.db", "the SQLite `file`; the two key files are beside it, also without it, and the same for every instance")
	flag.StringVar(&o.postgres, "postgres", "", "keep users and sessions in PostgreSQL at this `URL`, and not in the file")
	flag.StringVar(&o.redis, "redis", "", "keep sessions in Redis at this `URL`")
	flag.DurationVar(&o.lifetime, "lifetime", 15*time.Minute, "how long an access token lives")
	flag.TextVar(&o.proxy, "proxy", netip.Prefix{}, "the `network` of the proxies in front, such as 10.0.0.0/8, whose X-Forwarded-For is believed")
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
	origin := urlOf(listener)
	o.issuer = cmp.Or(o.issuer, origin)
	if err := checkIssuer(o.issuer); err != nil {
		return err
	}
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
	fmt.Fprintf(out, "Listening on %s. Sign in:\n\n  curl '%s/token' -d username=johndoe -d password=secret\n\n", origin, origin)
	fmt.Fprintf(out, "or on %s/docs\n", origin)
	return serve(ctx, listener, api)
}

// urlOf is where a browser on this machine finds the listener.
func urlOf(l net.Listener) string {
	addr := l.Addr().(*net.TCPAddr)
	if addr.IP.IsUnspecified() {
		return fmt.Sprintf("http://localhost:%d", addr.Port)
	}
	return "http://" + addr.String()
}

// checkIssuer wants what clients need of an issuer; below a path, its metadata would
// be elsewhere.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.String() != u.Scheme+"://"+u.Host:
		return fmt.Errorf("-issuer: %q is not scheme and host alone", issuer)
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("-issuer: %q is no https URL", issuer)
	case u.Scheme == "http" && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback():
		return fmt.Errorf("-issuer: %q is http, which clients take from this machine alone: name an https URL", issuer)
	}
	return nil
}

func serve(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}
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
