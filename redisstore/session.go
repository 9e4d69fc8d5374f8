package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"

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
		encode(&row), row.Generation, microseconds(row.Lifetime), microseconds(row.IdleLifetime))
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
	result, err := s.write(ctx, readScript, []string{s.sessionKey(id)})
	if err != nil {
		return nil, sessionError("read a session", err)
	}
	reply, _ := result.([]any)
	return readSession(id, reply)
}

// read returns what is there, replicated or not.
func (s *Store) read(ctx context.Context, id string) (*passbearer.Session, error) {
	reply, err := readScript.Run(ctx, s.client, []string{s.sessionKey(id)}).Slice()
	if err != nil {
		return nil, sessionError("read a session", err)
	}
	return readSession(id, reply)
}

func readSession(id string, reply []any) (*passbearer.Session, error) {
	row, err := session(id, reply)
	if err != nil {
		return nil, sessionError("read a session", err)
	}
	return row, nil
}

// SwapGeneration implements passbearer.SessionStore.
func (s *Store) SwapGeneration(ctx context.Context, id string, from, to int64) (*passbearer.Session, bool, error) {
	const step = "swap a generation"
	result, err := s.write(ctx, swapScript, []string{s.sessionKey(id)}, strconv.FormatInt(from, 10), strconv.FormatInt(to, 10))
	if err != nil {
		return nil, false, sessionError(step, err)
	}
	reply, ok := result.([]any)
	if !ok || len(reply) != 4 {
		return nil, false, sessionError(step, errRow)
	}
	row, err := session(id, reply)
	if err != nil {
		return nil, false, sessionError(step, err)
	}
	return row, reply[3] == int64(1), nil
}

// EndSession implements passbearer.SessionStore. It revokes the session's access
// tokens in the same step.
func (s *Store) EndSession(ctx context.Context, id string) error {
	partition := s.partition(id)
	keys := []string{s.sessionKey(id), s.streamKey(partition), s.metaKey(partition)}
	if _, err := s.write(ctx, endScript, keys, id, s.lifetime); err != nil {
		return fmt.Errorf("redisstore: end a session: %w", err)
	}
	return nil
}

// sessionError names what a script's nil means.
func sessionError(step string, err error) error {
	if errors.Is(err, redis.Nil) {
		err = passbearer.ErrSessionNotFound
	}
	return fmt.Errorf("redisstore: %s: %w", step, err)
}
