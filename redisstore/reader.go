package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/passbearer/passbearer"
)

var (
	errCut   = errors.New("the connection was cut")
	errReset = errors.New("the revocations were reset, by a failover or by emptying the server")
)

const pageSize = 1000 // entries

// reader follows the streams of one server on one connection.
type reader struct {
	client  *redis.Client
	keys    []string // stream and meta of each partition, for positionScript
	streams []*stream
}

// stream is how far one has been read. The marker is a random text beside it, which
// is gone when the server was emptied.
type stream struct {
	key    string
	marker string
	last   string
}

// readers are one for a single server, and one a partition for a cluster, where
// the keys of a command have to be in one slot.
func (s *Store) readers(ctx context.Context) ([]*reader, error) {
	if client, ok := s.client.(*redis.Client); ok {
		r := &reader{client: pinned(ctx, client)}
		for i := range s.tags {
			r.add(s, i)
		}
		return []*reader{r}, nil
	}
	var readers []*reader
	for i := range s.tags {
		node, err := s.node(ctx, s.streamKey(i))
		if err != nil {
			return readers, err
		}
		r := &reader{client: pinned(ctx, node)}
		r.add(s, i)
		readers = append(readers, r)
	}
	return readers, nil
}

func (r *reader) add(s *Store, partition int) {
	r.keys = append(r.keys, s.streamKey(partition), s.metaKey(partition))
	r.streams = append(r.streams, &stream{key: s.streamKey(partition)})
}

// pinned returns a client of one connection, which is cut when ctx is done and
// never dialled again: behind another connection there may be another server, whose
// ids do not go on from those that were read.
func pinned(ctx context.Context, from *redis.Client) *redis.Client {
	opts := *from.Options()
	opts.PoolSize, opts.MinIdleConns, opts.MaxIdleConns, opts.MaxActiveConns, opts.PipelinePoolSize = 1, 0, 0, 0, 0
	opts.ConnMaxIdleTime, opts.ConnMaxLifetime = -1, -1
	opts.MaxRetries, opts.DialerRetries = -1, 1
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = replyTimeout, replyTimeout, replyTimeout
	opts.ContextTimeoutEnabled = true
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	dial, dialled := opts.Dialer, new(atomic.Bool)
	opts.Dialer = func(dialCtx context.Context, network, addr string) (net.Conn, error) {
		if dialled.Swap(true) {
			return nil, errCut
		}
		conn, err := dial(dialCtx, network, addr)
		if err == nil {
			context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}
	return redis.NewClient(&opts)
}

// catchUp takes the position first, and then all that is live: what comes
// meanwhile is told twice rather than missed.
func (r *reader) catchUp(ctx context.Context, marker string) ([]passbearer.Revocation, error) {
	now, err := r.position(ctx, marker, func(s *stream, marker, last string) error {
		s.marker, s.last = marker, last
		return nil
	})
	if err != nil {
		return nil, err
	}
	var live []passbearer.Revocation
	for _, s := range r.streams {
		for from, more := "-", true; more; {
			page, err := r.client.XRangeN(ctx, s.key, from, "+", pageSize).Result()
			if err != nil {
				return nil, err
			}
			if live, err = appendLive(live, page, now); err != nil {
				return nil, err
			}
			if more = len(page) == pageSize; more {
				from = "(" + page[len(page)-1].ID
			}
		}
	}
	return live, nil
}

func appendLive(list []passbearer.Revocation, entries []redis.XMessage, now int64) ([]passbearer.Revocation, error) {
	for _, m := range entries {
		e, live, err := revocation(m, now)
		if err != nil {
			return nil, err
		}
		if live {
			list = append(list, e)
		}
	}
	return list, nil
}

// follow sends what comes, and every second that the streams are the same and the
// server is still the primary. It ends with an error.
func (r *reader) follow(ctx context.Context, news chan<- readerNews) error {
	checked := time.Now()
	for {
		n := readerNews{from: r}
		var err error
		if n.revocations, err = r.read(ctx, heartbeat-time.Since(checked)); err != nil {
			return err
		}
		if time.Since(checked) >= heartbeat {
			if _, err = r.position(ctx, "", (*stream).check); err != nil {
				return err
			}
			n.alive, checked = true, time.Now()
		}
		select {
		case news <- n:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// read waits for entries, for a moment at least.
func (r *reader) read(ctx context.Context, wait time.Duration) ([]passbearer.Revocation, error) {
	wait = max(wait, time.Millisecond)
	ctx, cancel := context.WithTimeout(ctx, wait+replyTimeout)
	defer cancel()
	args := &redis.XReadArgs{Block: wait, Count: pageSize}
	for _, s := range r.streams {
		args.Streams = append(args.Streams, s.key)
	}
	for _, s := range r.streams {
		args.Streams = append(args.Streams, s.last)
	}
	read, err := r.client.XRead(ctx, args).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	var list []passbearer.Revocation
	for _, of := range read {
		for _, s := range r.streams {
			if s.key == of.Stream && len(of.Messages) > 0 {
				s.last = of.Messages[len(of.Messages)-1].ID
			}
		}
		if list, err = appendLive(list, of.Messages, 0); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// position asks for marker and last id of each stream, and returns the server's
// time in milliseconds.
func (r *reader) position(ctx context.Context, marker string, use func(s *stream, marker, last string) error) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*replyTimeout)
	defer cancel()
	reply, err := positionScript.Run(ctx, r.client, r.keys, marker).StringSlice()
	if err != nil {
		return 0, err
	}
	if len(reply) != len(r.keys)+1 {
		return 0, errors.New("the script returned something else")
	}
	for i, s := range r.streams {
		if err := use(s, reply[2*i], reply[2*i+1]); err != nil {
			return 0, err
		}
	}
	return strconv.ParseInt(reply[len(reply)-1], 10, 64)
}

// check compares what is there with what was read.
func (s *stream) check(marker, last string) error {
	back, err := compareIDs(last, s.last)
	if err == nil && (marker != s.marker || back < 0) {
		err = errReset
	}
	return err
}

// compareIDs compares ids of entries, two numbers each.
func compareIDs(a, b string) (int, error) {
	var numbers [4]uint64
	for i, id := range []string{a, b} {
		ms, seq, _ := strings.Cut(id, "-")
		var err, err2 error
		numbers[2*i], err = strconv.ParseUint(ms, 10, 64)
		numbers[2*i+1], err2 = strconv.ParseUint(seq, 10, 64)
		if err != nil || err2 != nil {
			return 0, fmt.Errorf("%q is no id of an entry", id)
		}
	}
	return cmp.Or(cmp.Compare(numbers[0], numbers[2]), cmp.Compare(numbers[1], numbers[3])), nil
}
