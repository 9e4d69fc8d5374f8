package memstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/memstore"
	"github.com/passbearer/passbearer/storetest"
)

func open(*testing.T) *memstore.Store { return memstore.New() }

// ahead has a clock that is an hour ahead of the process's.
func ahead(*testing.T) *memstore.Store {
	return &memstore.Store{Now: func() time.Time { return time.Now().Add(time.Hour) }}
}

func TestUsers(t *testing.T)    { storetest.TestUserStore(t, open) }
func TestClients(t *testing.T)  { storetest.TestClientStore(t, open) }
func TestSessions(t *testing.T) { storetest.TestSessionStore(t, open) }

func TestRevocations(t *testing.T) { storetest.TestRevocationStore(t, open) }

func TestRevocationsOnAnotherClock(t *testing.T) { storetest.TestRevocationStore(t, ahead) }

func TestSessionsOnAnotherClock(t *testing.T) { storetest.TestSessionStore(t, ahead) }

func TestNewPanics(t *testing.T) {
	u := passbearer.User{ID: "u1", Name: "johndoe"}
	require.Panics(t, func() { memstore.New(u, u) })
	require.Panics(t, func() { memstore.New(passbearer.User{ID: "u1"}) })
	require.Error(t, memstore.New().AddClient(t.Context(), passbearer.Client{}))
}

// TestDeadSessionsAreForgotten: the memory is that of the live ones.
func TestDeadSessionsAreForgotten(t *testing.T) {
	now := time.Now()
	s := &memstore.Store{Now: func() time.Time { return now }}
	const lifetime = 50 * time.Second
	for i := range 5000 {
		now = now.Add(time.Second)
		row := passbearer.Session{ID: fmt.Sprint(i), UserID: fmt.Sprint(i % 7), IdleLifetime: lifetime, Lifetime: lifetime}
		require.NoError(t, s.CreateSession(context.Background(), row))
	}
	require.Less(t, memstore.Sessions(s), 200)
	list, err := s.SessionsByUser(t.Context(), "1", 10)
	require.NoError(t, err)
	require.NotEmpty(t, list)
}
