package throttle_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/throttle"
)

// A service behind proxies in 10.0.0.0/8 lists them, or all clients would have the
// proxies' addresses. Processes that share a store give it too.
func ExampleNew() {
	secret := make([]byte, 32) // random, and kept: that of passbearer.NewRefreshKeys will do
	limiter, err := throttle.New(&throttle.Options{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Store:          new(throttle.Memory), // or that of sqlitestore, pgstore or redisstore
		Secrets:        [][]byte{secret},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	tokens, err := jwttoken.New(jwttoken.EphemeralKeys(), "https://example.com", "https://example.com", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	http.Handle("POST /token", passbearer.NewTokenHandler(memstore.New(), tokens, &passbearer.TokenHandlerOptions{Throttle: limiter}))
}

// Whoever trusts every address lets each client make up its own.
func ExampleNew_incorrect() {
	_, err := throttle.New(&throttle.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}})
	fmt.Println(err)
	// Output: throttle: Options.TrustedProxies trusts every address, so that everybody could make up their own: list the proxies' networks
}

// A grant or a page of your own that takes a password counts its attempts too.
func ExampleLimiter_Reserve() {
	limiter, err := throttle.New(&throttle.Options{Account: throttle.Limit{Burst: 2, Every: time.Hour}})
	if err != nil {
		fmt.Println(err)
		return
	}
	check := func(ctx context.Context, r *http.Request, name, password string) error {
		attempt, err := limiter.Reserve(ctx, throttle.Attempt{Request: r, Account: name})
		if err != nil {
			return err
		}
		if password != "secret" { // hashed and compared, in earnest
			return errors.Join(errors.New("wrong"), attempt.Fail(ctx, password))
		}
		return attempt.Refund(ctx)
	}
	for _, password := range []string{"secret", "password", "hunter2", "secret"} {
		err := check(context.Background(), httptest.NewRequest("POST", "/", nil), "johndoe", password)
		var exceeded *throttle.Exceeded
		if errors.As(err, &exceeded) {
			fmt.Println(exceeded, exceeded.Wait.Round(time.Minute))
			continue
		}
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// wrong
	// wrong
	// throttle: too many attempts for one account 1h0m0s
}

// The counters of a Store in Go are times.
func ExampleCount() {
	takes := []throttle.Take{{Cell: 1, Limit: throttle.Limit{Burst: 2, Every: time.Hour}}}
	counters := make([]time.Time, 1)
	now := time.Now()
	for range 3 {
		next, waits := throttle.Count(takes, counters, now)
		fmt.Println(next[0].Sub(now), waits)
		counters = next
	}
	// Output:
	// 1h0m0s []
	// 2h0m0s []
	// 2h0m0s [1h0m0s]
}
