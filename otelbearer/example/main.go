// Command example is a small API whose metrics Prometheus can read: sign-ins, refreshes, refusals and failures at
// /metrics, on an address of its own, which is for operators and not for clients.
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
	"time"
)

func main() {
	addr := flag.String("addr", "localhost:8000", "the `address` of the API")
	metrics := flag.String("metrics", "localhost:9464", "the `address` of /metrics, not to be reached from outside")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *addr, *metrics); err != nil {
		log.Fatal(err)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, out io.Writer, addr, metricsAddr string) error {
	obs, metrics, err := newMetrics()
	if err != nil {
		return err
	}
	api, err := newAPI(ctx, obs)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop() // when one of the two has failed, the other one ends too
	ended := make(chan error, 2)
	for _, s := range []struct {
		addr, hint string
		handler    http.Handler
	}{
		{addr, "Sign in:  curl http://%s/token -d username=johndoe -d password=secret\n", api},
		{metricsAddr, "Metrics:  curl http://%s/metrics\n", metrics},
	} {
		listener, err := net.Listen("tcp", s.addr)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, s.hint, listener.Addr())
		go func() { ended <- serve(ctx, listener, s.handler) }()
	}
	return <-ended
}

// serve answers until ctx is done.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
