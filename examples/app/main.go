// Command app is a small web application to begin with: sign-up, sign-in that is
// renewed without a word, a list of one's sessions, another password, and an
// administrator who disables users.
//
//	go run . -admin root    # adds an administrator, prints their password and ends
//	go run .                # http://localhost:8000, everything in app.db
//
// Users and sessions are kept in SQLite, or in PostgreSQL with -postgres. Behind a proxy that
// terminates TLS, -url says what the browser sees, and -proxy where the proxy is. app.go has the
// routes, and mode.go the choice of where the page keeps its access token.
//
// Not here: mail, for addresses to confirm and passwords that were forgotten; a second factor, which
// examples/mfa has; and a list of all users, for which the application needs a table of its own.
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
	addr, origin, db, postgres, key, mode, admin string

	lifetime time.Duration
	proxy    netip.Prefix
	now      func() time.Time // of access tokens, for tests; nil means time.Now
}

func main() {
	var o options
	flag.StringVar(&o.addr, "addr", "localhost:8000", "the `address` to listen on")
	flag.StringVar(&o.origin, "url", "", "the `URL` at which browsers reach the application, without a path (default that of -addr)")
	flag.StringVar(&o.db, "db", "app.db", "the SQLite `file`")
	flag.StringVar(&o.postgres, "postgres", "", "PostgreSQL's `URL`, in the place of the file (default that in APP_POSTGRES, where other users do not see it)")
	flag.StringVar(&o.key, "key", "app.key", "the `file` of the secret that signs tokens, the same for every instance; made if it is missing")
	flag.StringVar(&o.mode, "mode", "cookie", "the `mode`, cookie or header: where a page has its access token (mode.go says what that means)")
	flag.StringVar(&o.admin, "admin", "", "add an administrator of this `name`, print a password for them, and end")
	flag.DurationVar(&o.lifetime, "lifetime", 15*time.Minute, "how long an access token lives")
	flag.TextVar(&o.proxy, "proxy", netip.Prefix{}, "the `network` of the proxies in front, such as 10.0.0.0/8, whose X-Forwarded-For is believed")
	flag.Parse()
	o.postgres = cmp.Or(o.postgres, os.Getenv("APP_POSTGRES"))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	if err := run(ctx, os.Stdout, o); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx is done, and then lets requests come to their end.
func run(ctx context.Context, out io.Writer, o options) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	store, err := openStore(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.close()) }()
	if o.admin != "" {
		return addAdmin(ctx, out, store, o.admin)
	}
	secret, err := loadSecret(o.key)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	if o.origin = cmp.Or(o.origin, originOf(listener)); o.origin == "" {
		return errors.New("-url: name the https URL at which browsers reach this address")
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx)) // also while requests come to their end
	defer stop()
	app, err := newApp(watching, store, secret, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Listening on %s\n", o.origin)
	return serve(ctx, listener, app)
}

func (o *options) check() error {
	if _, known := modes[o.mode]; !known {
		return fmt.Errorf("-mode: %q is neither cookie nor header", o.mode)
	}
	if o.lifetime < time.Second || o.lifetime > 24*time.Hour {
		return errors.New("-lifetime: an access token lives for 1s to 24h")
	}
	if o.origin == "" {
		return nil
	}
	u, err := url.Parse(o.origin)
	switch {
	case err != nil || u.Host == "" || u.String() != u.Scheme+"://"+u.Host:
		return fmt.Errorf("-url: %q is not scheme and host alone", o.origin)
	case u.Scheme != "https" && u.Hostname() != "localhost":
		return fmt.Errorf("-url: %q is not https, without which browsers keep no Secure cookie (save from localhost)", o.origin)
	}
	return nil
}

// originOf says localhost, from where browsers take Secure cookies without TLS (Chromium and Firefox
// do, Safari does not), and nothing for an address that other machines reach by another name.
func originOf(l net.Listener) string {
	addr := l.Addr().(*net.TCPAddr)
	if !addr.IP.IsLoopback() {
		return ""
	}
	return fmt.Sprintf("http://localhost:%d", addr.Port)
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
