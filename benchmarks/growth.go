package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/jwttoken"
)

// growth compares a request with one entry, key and scope with a request with many.
func growth(s *suite) *table {
	t := &table{title: "HS256, seen before, by what there is"}
	for _, n := range []int{1, 1_000, 100_000} {
		t.add(fmt.Sprintf("%d revocations", n), requests(guard(revocations(n).Verifier(s.verifier(0))), s.token, http.StatusOK))
	}
	for _, n := range []int{1, 100} {
		t.add(fmt.Sprintf("no revocations, %d keys", n), requests(s.withKeys(n).guard(0), s.token, http.StatusOK))
	}
	for _, n := range []int{1, 50} {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf("s%02d", i)
		}
		h := passbearer.NewGuard(s.verifier(0), nil).Require(names[n-1]).Handler(http.HandlerFunc(nothing))
		t.add(fmt.Sprintf("no revocations, %d scopes, the last demanded", n), requests(h, s.issue(passbearer.Scope(strings.Join(names, " "))), http.StatusOK))
	}
	return t
}

// manyKeys does the same without a cache.
func manyKeys(s *suite) *table {
	t := &table{title: "HS256, first sight, by what there is"}
	for _, n := range []int{1, 100} {
		t.add(fmt.Sprintf("%d keys", n), requests(s.withKeys(n).guard(-1), s.token, http.StatusOK))
	}
	return t
}

// withKeys returns a suite of which the key is the last of n.
func (s *suite) withKeys(n int) *suite {
	many := *s
	var keys []jwttoken.Key
	for range n - 1 {
		keys = append(keys, must(jwttoken.GenerateKey(jwttoken.HS256)))
	}
	many.keys = must(jwttoken.NewKeys(append(keys, s.key)...))
	return &many
}

// revocations returns a set that knows n revocations of others' tokens.
func revocations(n int) *passbearer.Revocations {
	r := passbearer.NewRevocations(passbearer.ServeWhenStale, &passbearer.RevocationsOptions{Observer: quiet{}})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go r.Watch(ctx, feed(n))
	for r.Stale() {
		runtime.Gosched()
	}
	return r
}

// feed is a store of that many revocations, a third of each kind.
type feed int

func (feed) Revoke(context.Context, passbearer.Revocation) error { return nil }

func (n feed) WatchRevocations(ctx context.Context, tell func(passbearer.RevocationNews)) error {
	all := make([]passbearer.Revocation, n)
	for i := range all {
		id := fmt.Sprintf("0198f2a4-7c31-7d1e-9c55-%012d", i)
		switch all[i].Lifetime = time.Hour; i % 3 {
		case 0:
			all[i].SessionID = id
		case 1:
			all[i].TokenID = id
		case 2:
			all[i].UserID, all[i].Epoch = id, 1
		}
	}
	tell(passbearer.RevocationNews{Revocations: all, Complete: true})
	<-ctx.Done()
	return ctx.Err()
}

type quiet struct{}

func (quiet) Event(context.Context, passbearer.Event) {}

// cores compares one goroutine with one on each core, per request and core; and the same for glue, to tell
// what the machine does to that.
func cores(s *suite) *table {
	const n = 100
	t := &table{title: "HS256, in parallel"}
	for _, of := range []struct {
		name string
		h    http.Handler
	}{{seenBefore, s.guard(0)}, {glueWithout, glue()}} {
		runs := make([]func(), runtime.GOMAXPROCS(0))
		for i := range runs {
			runs[i] = requests(of.h, s.token, http.StatusOK)
		}
		for _, cores := range []int{1, len(runs)} {
			t.addRow(&row{name: fmt.Sprintf("%s, on %d of the cores", of.name, cores), run: parallel(runs[:cores], n), n: n, cores: cores})
		}
	}
	return t
}
