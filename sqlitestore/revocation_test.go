package sqlitestore_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/sqlitestore"
)

// TestOwnRevocationsAreToldAtOnce: in a bubble no time passes before all have done
// what they can, so polling does not help.
func TestOwnRevocationsAreToldAtOnce(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		s, err := sqlitestore.Open(path, nil)
		require.NoError(t, err)
		require.NoError(t, s.AddUser(ctx, johndoe))
		for _, id := range []string{"a", "b", "c"} {
			require.NoError(t, s.CreateSession(ctx, liveSession(id)))
		}
		news := make(chan passbearer.RevocationNews, 100)
		go s.WatchRevocations(ctx, func(n passbearer.RevocationNews) { news <- n })
		require.True(t, (<-news).Complete)
		for _, of := range []struct {
			what   string
			revoke func() error
		}{
			{"jti", func() error { return s.Revoke(ctx, passbearer.Revocation{TokenID: "x"}) }},
			{"a session", func() error { return s.EndSession(ctx, "a") }},
			{"others", func() error { return s.EndUserSessions(ctx, "u1") }},
			{"an epoch", func() error { return second(s.RaiseEpoch(ctx, "u1")) }},
			{"a disabled one", func() error { return second(s.SetDisabled(ctx, "u1", true)) }},
			{"a password", func() error { return second(s.SetPasswordHash(ctx, "u1", johndoe.PasswordHash, "other")) }},
		} {
			require.NoError(t, of.revoke())
			synctest.Wait()
			select {
			case n := <-news:
				require.NotEmpty(t, n.Revocations, of.what)
			default:
				t.Errorf("%s: not told", of.what)
			}
		}
		require.NoError(t, s.Close())
	})
}

func second[T any](_ T, err error) error { return err }
