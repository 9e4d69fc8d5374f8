package crashtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	serverEnv    = "CRASHTEST_SERVER"
	listenerFD   = 3
	startTimeout = 20 * time.Second
	closeTimeout = 5 * time.Second
	readyLine    = "ready"
)

// opener is what Main was given.
var opener Open

// Main is to be called by TestMain before anything else. In the test's process it
// returns at once. In that of a server, which the test starts, it serves and does
// not return.
func Main(open Open) {
	if opener = open; os.Getenv(serverEnv) == "" {
		return
	}
	if err := serveProcess(open); err != nil {
		fmt.Fprintln(os.Stderr, "crashtest: server:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serverConfig comes on the standard input, where no list of processes shows it.
type serverConfig struct {
	Source string
	Users  []string // to be there
}

// serveProcess serves on the listener that the test holds open, so that the port
// stays the same and nobody else's in between.
func serveProcess(open Open) error {
	var cfg serverConfig
	in := json.NewDecoder(os.Stdin)
	if err := in.Decode(&cfg); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	listener, err := net.FileListener(os.NewFile(listenerFD, "listener"))
	if err != nil {
		return fmt.Errorf("take over the listener: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	s, err := openServer(ctx, open, cfg)
	cancel()
	if err != nil {
		return err
	}
	s.alarm = os.Stdout
	ended := make(chan error, 1)
	go func() { ended <- (&http.Server{Handler: s}).Serve(listener) }()
	go func() { // the input ends with the test, however that ends
		io.Copy(io.Discard, os.Stdin)
		time.AfterFunc(closeTimeout, func() { os.Exit(1) })
		ended <- s.close()
	}()
	fmt.Println(readyLine, "http://"+listener.Addr().String())
	return <-ended
}
