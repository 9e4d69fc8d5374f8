package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/passbearer/passbearer/password"
)

const (
	stormClients = 32
	protectedHz  = 200
	hashMiB      = 19
	settling     = time.Second
)

// The phases of a storm. Each is served by a new process, and gets its requests from this one, which works as much in
// all of them.
const (
	idle     = "idle"
	gated    = "gated"
	refusing = "gated, a queue of 8"
	ungated  = "ungated"
	bare     = "bare hashing" // without protected requests
	beside   = "bare hashing, requests"
)

var phases = []string{idle, gated, refusing, ungated, bare, beside}

// outcome is what one phase of one round came to.
type outcome struct {
	latencies []time.Duration // of protected requests
	signIns   float64         // per second
	refusals  []time.Duration // how long a refused sign-in took
	peak      float64         // MiB over what the server has while nobody signs in
}

// storm is what is known of a phase after all rounds: the medians of the rounds, and of memory the most.
type storm struct {
	p50, p99, refusal time.Duration
	signIns, refused  float64 // per second
	peak              float64 // MiB
	rounds            []outcome
}

func runStorm(phases []string, rounds int, each time.Duration) map[string]*storm {
	hash := must(password.Default().Hash(context.Background(), stormPassword))
	outcomes := map[string][]outcome{}
	for range rounds {
		for _, i := range rand.Perm(len(phases)) {
			phase := phases[i]
			s := startServer(phase, hash)
			s.protected(settling) // warms up
			before := s.peak()
			o := s.run(phase, each)
			o.peak = s.peak() - before
			s.stop()
			outcomes[phase] = append(outcomes[phase], o)
		}
	}
	storms := map[string]*storm{}
	for _, phase := range phases {
		storms[phase] = summary(outcomes[phase], each)
	}
	return storms
}

func summary(rounds []outcome, each time.Duration) *storm {
	s := &storm{rounds: rounds}
	s.p50 = medianOf(rounds, func(o outcome) time.Duration { return quantile(o.latencies, 0.5) })
	s.p99 = medianOf(rounds, func(o outcome) time.Duration { return quantile(o.latencies, 0.99) })
	s.refusal = medianOf(rounds, func(o outcome) time.Duration { return quantile(o.refusals, 0.5) })
	s.signIns = medianOf(rounds, func(o outcome) float64 { return o.signIns })
	s.refused = medianOf(rounds, func(o outcome) float64 { return float64(len(o.refusals)) / each.Seconds() })
	for _, o := range rounds {
		s.peak = max(s.peak, o.peak)
	}
	return s
}

func medianOf[T time.Duration | float64](rounds []outcome, of func(outcome) T) T {
	var all []T
	for _, o := range rounds {
		all = append(all, of(o))
	}
	return quantile(all, 0.5)
}

func quantile[T time.Duration | float64](all []T, q float64) T {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[int(q*float64(len(all)-1))]
}

func (s *stormServer) run(phase string, each time.Duration) (o outcome) {
	switch phase {
	case bare:
		o.signIns = s.hashing(each)
	case beside: // what the machine has left for hashes
		var requests sync.WaitGroup
		requests.Go(func() { o.latencies = s.protected(each) })
		o.signIns = s.hashing(each)
		requests.Wait()
	case idle:
		o.latencies = s.protected(each)
	default:
		ctx, cancel := context.WithCancel(context.Background())
		answers := s.signIns(ctx)
		time.Sleep(settling) // until the queue is what it will be
		start := time.Now()
		o.latencies = s.protected(each)
		took := time.Since(start)
		cancel()
		for a := range answers {
			switch inside := a.at.After(start) && a.at.Before(start.Add(took)); {
			case inside && a.status == http.StatusOK:
				o.signIns += 1 / took.Seconds()
			case inside:
				o.refusals = append(o.refusals, a.took)
			}
		}
	}
	return o
}

// protected sends protected requests at fixed times, whatever becomes of those before. A latency is from the time at
// which a request was due, so that no wait is left out.
func (s *stormServer) protected(each time.Duration) []time.Duration {
	request := []byte("GET /items/ HTTP/1.1\r\nHost: storm\r\nAuthorization: Bearer " + s.token + "\r\n\r\n")
	free := make(chan *connection, 1<<16)
	latencies := make([]time.Duration, int(each.Seconds()*protectedHz))
	var all sync.WaitGroup
	start := time.Now()
	for i := range latencies {
		due := start.Add(time.Duration(i) * time.Second / protectedHz)
		time.Sleep(time.Until(due))
		all.Go(func() {
			c := s.connection(free)
			if status, _ := c.send(request); status != http.StatusOK {
				panic(fmt.Sprintf("a protected request is answered %d", status))
			}
			latencies[i] = time.Since(due)
			free <- c
		})
	}
	all.Wait()
	close(free)
	for c := range free {
		c.Close()
	}
	return latencies
}

// signIn is the answer to a sign-in.
type signIn struct {
	status int
	at     time.Time
	took   time.Duration
}

// signIns has clients sign in, each again and again, until ctx is done and the last has its answer. Whoever is
// refused waits as long as the answer says.
func (s *stormServer) signIns(ctx context.Context) <-chan signIn {
	answers := make(chan signIn, 1<<20)
	var all sync.WaitGroup
	for i := range stormClients {
		all.Go(func() {
			c := s.connection(nil)
			defer c.Close()
			form := url.Values{"grant_type": {"password"}, "username": {fmt.Sprintf("user%d", i)}, "password": {stormPassword}}.Encode()
			request := fmt.Appendf(nil, "POST /token HTTP/1.1\r\nHost: storm\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form)
			for ctx.Err() == nil {
				start := time.Now()
				status, header := c.send(request)
				answers <- signIn{status, time.Now(), time.Since(start)}
				if status != http.StatusOK {
					waitFor(ctx, header)
				}
			}
		})
	}
	go func() { all.Wait(); close(answers) }()
	return answers
}

// waitFor waits as a refusal says, and panics if it does not say so.
func waitFor(ctx context.Context, refusal http.Header) {
	seconds := must(strconv.Atoi(refusal.Get("Retry-After")))
	select {
	case <-ctx.Done():
	case <-time.After(time.Duration(seconds) * time.Second):
	}
}

// connection is a client that does as little as it can: it has the processors in common with the server, which would
// be taken for slower than it is. http.Client takes twice the time that the server takes.
type connection struct {
	net.Conn
	answers *bufio.Reader
}

// connection is one of those that are free, or a new one.
func (s *stormServer) connection(free <-chan *connection) *connection {
	select {
	case c := <-free:
		return c
	default:
		c := must(net.Dial("tcp", strings.TrimPrefix(s.url, "http://")))
		return &connection{c, bufio.NewReader(c)}
	}
}

func (c *connection) send(request []byte) (int, http.Header) {
	must(c.Write(request))
	res := must(http.ReadResponse(c.answers, nil))
	defer res.Body.Close()
	must(io.Copy(io.Discard, res.Body))
	return res.StatusCode, res.Header
}

// hashing has the server do nothing but hash, and returns how many hashes a second it made.
func (s *stormServer) hashing(each time.Duration) float64 {
	body, end := io.Pipe()
	start := time.Now()
	time.AfterFunc(each, func() { end.Close() })
	res := must(http.Post(s.url+"/hashing", "text/plain", body))
	defer res.Body.Close()
	return must(strconv.ParseFloat(string(must(io.ReadAll(res.Body))), 64)) / time.Since(start).Seconds()
}

// percentOf compares sign-ins within each round, and is the median: the machine's speed differs from round to round.
func (s *storm) percentOf(other *storm) float64 {
	var all []float64
	for i, o := range s.rounds {
		all = append(all, 100*o.signIns/other.rounds[i].signIns)
	}
	return quantile(all, 0.5)
}

func printStorm(storms map[string]*storm) {
	fmt.Printf("\n%d clients sign in, %d protected requests a second, %d slots\n", stormClients, protectedHz, slots())
	fmt.Printf("%-24s %9s %9s %8s %8s %10s %10s %12s %10s\n", "", "p50 ms", "p99 ms", "p50", "p99", "sign-ins/s", "refused/s", "refused in", "MiB more")
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	for _, phase := range phases {
		s, than := storms[phase], storms[idle]
		fmt.Printf("%-24s %9.2f %9.2f %7.2fx %7.2fx %10.1f %10.1f %9.2f ms %10.1f\n", phase, ms(s.p50), ms(s.p99),
			ms(s.p50)/ms(than.p50), ms(s.p99)/ms(than.p99), s.signIns, s.refused, ms(s.refusal), s.peak)
	}
	fmt.Printf("sign-ins are %.1f %% of bare hashing, and %.1f %% of it beside the same requests; memory may be %d MiB more\n",
		storms[gated].percentOf(storms[bare]), storms[gated].percentOf(storms[beside]), (slots()+1)*hashMiB+32)
}
