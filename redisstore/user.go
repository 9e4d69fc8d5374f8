package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/passbearer/passbearer"
)

// The list of a user's sessions is a sorted set: the score of an id is the
// time, in milliseconds, at which it was listed. The list expires with the last
// of its sessions, and ids of dead sessions leave it when somebody looks.
const (
	// inCreation is how long an id may be without a row because the row is still to
	// be written. It has to outlast a process that is suspended at the worst
	// moment.
	inCreation = time.Hour

	// uncleaned is up to how many ids a list is left alone by sign-ins.
	uncleaned = 32

	// atOnce is how many sessions of a list are looked at at the same time.
	atOnce = 8
)

// index lists a session before it exists, and returns some others of the user's, of which
// none is being created.
func (s *Store) index(ctx context.Context, row *passbearer.Session) ([]string, error) {
	lifetime := milliseconds(min(row.Lifetime, maxLifetime) + inCreation)
	others, err := s.write(ctx, indexScript, []string{s.userKey(row.UserID)}, row.ID, lifetime, uncleaned, inCreation.Milliseconds())
	if err != nil {
		return nil, err
	}
	list, _ := others.([]any)
	return texts(list), nil
}

// texts are the strings of a reply.
func texts(reply []any) (list []string) {
	for _, v := range reply {
		if text, ok := v.(string); ok {
			list = append(list, text)
		}
	}
	return list
}

// clean looks at a few ids at random, so that the list of a user who signs in
// again and again, and never looks at it, has no more dead sessions than live ones
// and a few. A failure is no reason to refuse a sign-in.
func (s *Store) clean(ctx context.Context, userID string, ids []string) {
	if len(ids) == 0 {
		return
	}
	if rows, err := s.load(ctx, ids); err == nil {
		s.unlist(ctx, userID, ids, rows)
	}
}

// listed returns the ids that may be without a row because it is being written,
// and the others.
func (s *Store) listed(ctx context.Context, userID string) (young, old []string, err error) {
	reply, err := listScript.Run(ctx, s.client, []string{s.userKey(userID)}, inCreation.Milliseconds()).Slice()
	if err != nil || len(reply) != 2 {
		return nil, nil, cmp.Or(err, errRow)
	}
	youngOnes, _ := reply[0].([]any)
	oldOnes, _ := reply[1].([]any)
	return texts(youngOnes), texts(oldOnes), nil
}

// load reads rows; an entry is nil where there is none.
func (s *Store) load(ctx context.Context, ids []string) ([]*passbearer.Session, error) {
	rows := make([]*passbearer.Session, len(ids))
	err := each(ids, func(i int) error {
		row, err := s.read(ctx, ids[i])
		if errors.Is(err, passbearer.ErrSessionNotFound) {
			return nil
		}
		rows[i] = row
		return err
	})
	return rows, err
}

// unlist removes the ids of sessions that will not live again.
func (s *Store) unlist(ctx context.Context, userID string, ids []string, rows []*passbearer.Session) {
	var dead []any
	for i, row := range rows {
		if row == nil || !row.Live() {
			dead = append(dead, ids[i])
		}
	}
	if len(dead) > 0 {
		s.client.ZRem(ctx, s.userKey(userID), dead...) // the next reader tries again
	}
}

// SessionsByUser implements passbearer.UserSessionStore. It reads every session
// that is listed with the user, a few at a time.
func (s *Store) SessionsByUser(ctx context.Context, userID string, limit int) ([]passbearer.Session, error) {
	const step = "redisstore: list the sessions of a user: %w"
	young, old, err := s.listed(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf(step, err)
	}
	rows, err := s.load(ctx, slices.Concat(old, young))
	if err != nil {
		return nil, fmt.Errorf(step, err)
	}
	s.unlist(ctx, userID, old, rows[:len(old)])
	var live []passbearer.Session
	for _, row := range rows {
		if row != nil && row.Live() && row.UserID == userID {
			live = append(live, *row)
		}
	}
	slices.SortFunc(live, func(a, b passbearer.Session) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return live[:min(limit, len(live))], nil
}

// EndUserSessions implements passbearer.UserSessionStore. A session that is being
// created meanwhile may escape: it is the user's epoch that keeps it from being
// refreshed. After an error some are ended; it is safe to repeat.
func (s *Store) EndUserSessions(ctx context.Context, userID string) error {
	young, old, err := s.listed(ctx, userID)
	if err == nil {
		ids := slices.Concat(young, old)
		err = each(ids, func(i int) error { return s.EndSession(ctx, ids[i]) })
	}
	if err != nil {
		return fmt.Errorf("redisstore: end the sessions of a user: %w", err)
	}
	return nil
}

// each calls f for every index, several at once, and returns the first error.
func each(ids []string, f func(i int) error) error {
	var (
		wg    sync.WaitGroup
		once  sync.Once
		first error
	)
	for worker := range min(atOnce, len(ids)) {
		wg.Go(func() {
			for i := worker; i < len(ids); i += atOnce {
				if err := f(i); err != nil {
					once.Do(func() { first = err })
					return
				}
			}
		})
	}
	wg.Wait()
	return first
}
