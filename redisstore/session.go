package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/passbearer/passbearer"
)

// CreateSession implements passbearer.SessionStore. A call that the client
// repeats because the answer was lost succeeds once more.
//
// The list of the user's sessions is in another partition than the row, so the
// two cannot be written in one step. The list comes first: what a crash leaves
// between the two is an id without a row, which readers skip and clean away. The
// other way round it would leave a session that nobody finds to end.
func (s *Store) CreateSession(ctx context.Context, row passbearer.Session) error {
	if row.ID == "" {
		return errors.New("redisstore: create a session: the id is empty")
	}
	others, err := s.index(ctx, &row)
	if err != nil {
		return fmt.Errorf("redisstore: list a session with its user: %w", err)
	}
	created, err := s.write(ctx, createScript, []string{s.sessionKey(row.ID)},
		encode(&row), eightBytes(row.Generation), microseconds(row.Lifetime), microseconds(row.IdleLifetime))
	if err != nil {
		return fmt.Errorf("redisstore: create a session: %w", err)
	}
	if created != int64(1) {
		return errors.New("redisstore: create a session: its id exists")
	}
	s.clean(ctx, row.UserID, others)
	return nil
}

// SessionByID implements passbearer.SessionStore. A session that is expired is
// unknown; one that was ended stays for [Options.RevocationLifetime] at most.
//
// With [Options.WaitReplicas] it waits for them too. Otherwise a rotation that is
// repeated after its first answer was a failure would be acknowledged by what is
// read here, and still be lost.
func (s *Store) SessionByID(ctx context.Context, id string) (*passbearer.Session, error) {
	if s.opts.WaitReplicas == 0 {
		return s.read(ctx, id)
	}
	reply, err := s.write(ctx, settledScript, []string{s.sessionKey(id)})
	row, _, err := result("read a session", id, reply, err)
	return row, err
}

// read returns what is there, replicated or not.
func (s *Store) read(ctx context.Context, id string) (*passbearer.Session, error) {
	reply, err := readScript.Run(ctx, s.client, []string{s.sessionKey(id)}).Result()
	row, _, err := result("read a session", id, reply, err)
	return row, err
}

// SwapGeneration implements passbearer.SessionStore.
func (s *Store) SwapGeneration(ctx context.Context, id string, from, to int64) (*passbearer.Session, bool, error) {
	reply, err := s.write(ctx, swapScript, []string{s.sessionKey(id)}, eightBytes(from), eightBytes(to))
	row, swapped, err := result("swap a generation", id, reply, err)
	if swapped {
		row.Generation, row.LastUsedAt = to, row.AsOf
	}
	return row, swapped, err
}

// result is that of a script that returns a row.
func result(step, id string, reply any, err error) (row *passbearer.Session, moved bool, _ error) {
	if err == nil {
		row, moved, err = session(id, reply)
	}
	if errors.Is(err, redis.Nil) {
		err = passbearer.ErrSessionNotFound
	}
	if err != nil {
		return nil, false, fmt.Errorf("redisstore: %s: %w", step, err)
	}
	return row, moved, nil
}

// EndSession implements passbearer.SessionStore. It revokes the session's access
// tokens in the same step.
func (s *Store) EndSession(ctx context.Context, id string) error {
	partition := s.partition(id)
	keys := []string{s.sessionKey(id), s.streamKey(partition), s.metaKey(partition)}
	_, err := s.write(ctx, endScript, keys, id, s.lifetime)
	if err != nil && !errors.Is(err, redis.Nil) { // an unknown id is no error
		return fmt.Errorf("redisstore: end a session: %w", err)
	}
	return nil
}
