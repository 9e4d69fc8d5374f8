package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/passbearer/passbearer"
)

// A revocation is an entry of its partition's stream:
//
//	k  what is revoked: a session, a token, or those of a user
//	v  its id
//	e  the epoch
//	l  how long it is remembered, in milliseconds
//	w  when it was written, in milliseconds; the entry's id may be later, for ids
//	   never go back, though clocks do
const (
	ofSession = "s"
	ofToken   = "t"
	ofUser    = "u"
)

// Revoke implements passbearer.RevocationStore. Entries are kept for the longest
// lifetime that was ever given in their partition; each is told for its own. A
// lifetime is rounded up to milliseconds.
func (s *Store) Revoke(ctx context.Context, e passbearer.Revocation) error {
	kind, id, err := subject(e)
	if err == nil {
		partition := s.partition(id)
		lifetime := s.lifetime
		if e.Lifetime > 0 {
			lifetime = milliseconds(e.Lifetime)
		}
		keys := []string{s.streamKey(partition), s.metaKey(partition)}
		_, err = s.write(ctx, revokeScript, keys, kind, id, strconv.FormatInt(e.Epoch, 10), lifetime)
	}
	if err != nil {
		return fmt.Errorf("redisstore: revoke: %w", err)
	}
	return nil
}

func subject(e passbearer.Revocation) (kind, id string, err error) {
	switch {
	case e.Lifetime < 0:
		return "", "", errors.New("the lifetime is negative")
	case e.SessionID != "":
		return ofSession, e.SessionID, nil
	case e.TokenID != "":
		return ofToken, e.TokenID, nil
	case e.UserID != "":
		return ofUser, e.UserID, nil
	}
	return "", "", errors.New("the revocation names neither a session nor a token nor a user")
}

// revocation is the entry as of the server's time in milliseconds; zero is that of
// its writing. It is not live once its lifetime is over.
func revocation(m redis.XMessage, now int64) (e passbearer.Revocation, live bool, err error) {
	text := func(field string) string { s, _ := m.Values[field].(string); return s }
	number := func(field string) int64 {
		n, parseErr := strconv.ParseInt(text(field), 10, 64)
		err = errors.Join(err, parseErr)
		return n
	}
	age := max(0, now-number("w"))
	e.Lifetime, e.Epoch = time.Duration(number("l")-age)*time.Millisecond, number("e")
	switch id := text("v"); text("k") {
	case ofSession:
		e.SessionID = id
	case ofToken:
		e.TokenID = id
	case ofUser:
		e.UserID = id
	default:
		err = errors.Join(err, errors.New("unknown kind"))
	}
	if err != nil {
		return e, false, fmt.Errorf("the revocation %s is damaged: %w", m.ID, err)
	}
	return e, e.Lifetime > 0, nil
}
