package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/passbearer/passbearer"
)

const (
	// heartbeat is how often each reader asks whether its streams are still the
	// ones that it follows.
	heartbeat = time.Second

	// replyTimeout is how long a server may take to answer.
	replyTimeout = 2 * time.Second
)

// WatchRevocations implements passbearer.RevocationStore. In a cluster it takes a
// connection a partition, otherwise one in all. A server that is silent for some 3
// seconds, is restarted, emptied or no longer the primary ends it, so that the
// caller catches up anew. Its first news has every live revocation in memory.
func (s *Store) WatchRevocations(ctx context.Context, tell func(passbearer.RevocationNews)) error {
	err := s.watch(ctx, tell)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("redisstore: watch revocations: %w", err)
}

func (s *Store) watch(ctx context.Context, tell func(passbearer.RevocationNews)) error {
	var readers []*reader
	var reading sync.WaitGroup
	defer func() {
		reading.Wait()
		for _, r := range readers {
			r.client.Close()
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // it cuts the connections, and so ends the readers
	readers, err := s.readers(ctx)
	if err != nil {
		return err
	}
	live, err := catchUp(ctx, readers)
	if err != nil {
		return err
	}
	tell(passbearer.RevocationNews{Revocations: live, Complete: true})
	news, failed := make(chan readerNews), make(chan error, len(readers))
	for _, r := range readers {
		reading.Go(func() { failed <- r.follow(ctx, news) })
	}
	return relay(readers, news, failed, tell)
}

// catchUp asks all readers at once for what is live.
func catchUp(ctx context.Context, readers []*reader) ([]passbearer.Revocation, error) {
	var (
		marker  = rand.Text()
		errs    = make([]error, len(readers))
		pieces  = make([][]passbearer.Revocation, len(readers))
		live    []passbearer.Revocation
		reading sync.WaitGroup
	)
	for i, r := range readers {
		reading.Go(func() { pieces[i], errs[i] = r.catchUp(ctx, marker) })
	}
	reading.Wait()
	for _, piece := range pieces {
		live = append(live, piece...)
	}
	return live, errors.Join(errs...)
}

// readerNews is what a reader has to tell: revocations, or that it is alive.
type readerNews struct {
	from        *reader
	revocations []passbearer.Revocation
	alive       bool
}

// relay tells what the readers read, until the first of them fails. Only when all
// have been heard it is a heartbeat.
func relay(readers []*reader, news <-chan readerNews, failed <-chan error, tell func(passbearer.RevocationNews)) error {
	heard := map[*reader]bool{}
	for {
		select {
		case err := <-failed:
			return err
		case n := <-news:
			if n.alive {
				heard[n.from] = true
			}
			all := len(heard) == len(readers)
			if all {
				clear(heard)
			}
			if all || len(n.revocations) > 0 {
				tell(passbearer.RevocationNews{Revocations: n.revocations})
			}
		}
	}
}
