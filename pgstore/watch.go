package pgstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/passbearer/passbearer"
)

// heartbeat is how often a watcher hears itself.
const heartbeat = time.Second

var errClosed = errors.New("the store is closed")

// WatchRevocations implements passbearer.RevocationStore, on a connection of its
// own. Heartbeats go out through the pool and come back on that connection, so
// that they cease if one leads to another server than the other.
func (s *Store) WatchRevocations(ctx context.Context, tell func(passbearer.RevocationNews)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(s.closing, func() { cancel(errClosed) })()
	err := s.watch(ctx, tell)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return fmt.Errorf("pgstore: watch revocations: %w", err)
}

func (s *Store) watch(ctx context.Context, tell func(passbearer.RevocationNews)) error {
	conn, err := s.listen(ctx)
	if err != nil {
		return err
	}
	defer s.hangUp(conn)
	if err := s.catchUp(ctx, conn, tell); err != nil {
		return err
	}
	me := rand.Text()
	defer s.beat(ctx, me)()
	for {
		notification, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		if err := s.hear(ctx, conn, notification.Payload, me, tell); err != nil {
			return err
		}
	}
}

func (s *Store) hear(ctx context.Context, conn *pgx.Conn, payload, me string, tell func(passbearer.RevocationNews)) error {
	var n note
	switch err := json.Unmarshal([]byte(payload), &n); {
	case err != nil, n.Reload: // what cannot be read may be a revocation
		return s.catchUp(ctx, conn, tell)
	case n.Beat == me:
		tell(passbearer.RevocationNews{})
	case n.Beat == "":
		tell(passbearer.RevocationNews{Revocations: []passbearer.Revocation{n.revocation()}})
	}
	return nil
}

// listen connects and subscribes. A pooler would take the subscription and then
// give the connection to somebody else, without a word.
func (s *Store) listen(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	config, err := s.listenConfig(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	pooled, err := isPooled(ctx, conn)
	if err == nil && pooled {
		err = errors.New("there is a pooler before the server: set Options.ListenURL to one that leads to the server itself")
	}
	if err == nil {
		_, err = conn.Exec(ctx, s.text(`LISTEN "{channel}"`))
	}
	if err != nil {
		s.hangUp(conn)
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	return conn, nil
}

func (s *Store) listenConfig(ctx context.Context) (*pgx.ConnConfig, error) {
	if s.opts.ListenURL != "" {
		config, err := pgxpool.ParseConfig(s.opts.ListenURL) // which takes the pool's parameters too
		if err != nil {
			return nil, errors.New("Options.ListenURL, which is not shown, cannot be parsed")
		}
		prepare(config.ConnConfig, s.opts.ListenURL)
		return config.ConnConfig, nil
	}
	config := s.pool.Config() // a copy
	if config.BeforeConnect != nil {
		if err := config.BeforeConnect(ctx, config.ConnConfig); err != nil {
			return nil, fmt.Errorf("the pool's BeforeConnect: %w", err)
		}
	}
	return config.ConnConfig, nil
}

// hangUp does not wait for a server that does not answer.
func (s *Store) hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn.Close(ctx)
}

// catchUp tells all that is live. What is committed before it reads is in the
// table, what is committed later is notified: the subscription is older.
func (s *Store) catchUp(ctx context.Context, conn *pgx.Conn, tell func(passbearer.RevocationNews)) error {
	rows, err := conn.Query(ctx, s.text(`SELECT kind, key, epoch, `+remaining+` FROM {schema}.revocations WHERE expires_at > clock_timestamp()`), pgx.QueryExecModeExec)
	if err != nil {
		return fmt.Errorf("catch up: %w", err)
	}
	live, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (passbearer.Revocation, error) {
		var n note
		err := r.Scan(&n.Kind, &n.Key, &n.Epoch, &n.Lifetime)
		return n.revocation(), err
	})
	if err != nil {
		return fmt.Errorf("catch up: %w", err)
	}
	tell(passbearer.RevocationNews{Revocations: live, Complete: true})
	return nil
}

// beat notifies until stop is called, which waits for it. If it cannot, silence
// will tell.
func (s *Store) beat(ctx context.Context, me string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(heartbeat)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				_ = s.do(ctx, "send a heartbeat", func(ctx context.Context) error { return s.sendBeat(ctx, me) })
			}
		}
	}()
	return func() { cancel(); <-done }
}

// sendBeat waits for no disk: a heartbeat need not outlive a crash.
func (s *Store) sendBeat(ctx context.Context, me string) error {
	_, err := s.exec(ctx, `SELECT set_config('synchronous_commit', 'off', true), pg_notify('{channel}', json_build_object('beat', $1::text)::text)`, me)
	return err
}
