package main

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/pgstore"
	"github.com/passbearer/passbearer/redisstore"
	"github.com/passbearer/passbearer/sqlitestore"
	"github.com/passbearer/passbearer/throttle"
)

// userStore and sessionStore are what the service needs of its stores.
type (
	userStore interface {
		passbearer.UserStore
		passbearer.ClientStore
		passbearer.RevocationStore
		AddUser(context.Context, passbearer.User) error
		AddClient(context.Context, passbearer.Client) error
	}
	sessionStore interface {
		passbearer.SessionStore
		passbearer.RevocationStore
		throttle.Store
	}
)

type stores struct {
	users    userStore
	sessions sessionStore
	close    []func() error
}

// openStores takes SQLite for all, or PostgreSQL; and Redis for the sessions if it
// is given.
func openStores(ctx context.Context, o options) (*stores, error) {
	s := new(stores)
	err := s.openUsers(ctx, o)
	if err == nil && o.redis != "" {
		err = s.openRedis(ctx, o.redis)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *stores) openUsers(ctx context.Context, o options) error {
	if o.postgres != "" {
		store, err := pgstore.Open(ctx, o.postgres, nil)
		if err != nil {
			return err
		}
		s.users, s.sessions = store, store
		s.close = append(s.close, func() error { store.Close(); return nil })
		return nil
	}
	store, err := sqlitestore.Open(o.db, nil)
	if err != nil {
		return err
	}
	s.users, s.sessions = store, store
	s.close = append(s.close, store.Close)
	return nil
}

func (s *stores) openRedis(ctx context.Context, url string) error {
	config, err := redis.ParseURL(url)
	if err != nil {
		return errors.New("-redis is not a Redis URL") // the cause would quote it
	}
	config.ContextTimeoutEnabled = true // so that StoreTimeout holds while the server hangs
	client := redis.NewClient(config)
	s.close = append(s.close, client.Close)
	store, err := redisstore.New(ctx, client, nil)
	if err != nil {
		return err
	}
	s.sessions = store
	return nil
}

func (s *stores) Close() (err error) {
	for _, f := range s.close {
		err = errors.Join(err, f())
	}
	return err
}

// watch returns the revocations that the stores tell of, until ctx is done. While
// one of them is cut off, requests are served on what is known: this API would
// rather be there.
func (s *stores) watch(ctx context.Context) *passbearer.Revocations {
	revocations := passbearer.NewRevocations(passbearer.ServeWhenStale, nil)
	watched := []passbearer.RevocationStore{s.users}
	if any(s.sessions) != any(s.users) {
		watched = append(watched, s.sessions)
	}
	go revocations.Watch(ctx, watched...)
	return revocations
}

// addClient adds the client demo, which may introspect tokens. A real secret is
// random, as crypto/rand.Text makes it.
func (s *stores) addClient(ctx context.Context) error {
	return s.users.AddClient(ctx, passbearer.Client{ID: "demo", SecretHash: passbearer.ClientSecretHash("demo-secret")})
}

// addUsers adds johndoe and alice, who is disabled, if they are not there yet.
func (s *stores) addUsers(ctx context.Context) error {
	for name, password := range map[string]string{"johndoe": "secret", "alice": "secretalice"} {
		user, err := passbearer.NewUser(ctx, name, password, "me items:read items:write")
		if err != nil {
			return err
		}
		user.Disabled = name == "alice"
		if err := s.users.AddUser(ctx, user); err != nil && !errors.Is(err, passbearer.ErrUserExists) {
			return err
		}
	}
	return nil
}
