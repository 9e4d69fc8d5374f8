package sqlitestore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/sqlitestore"
)

const (
	canaryName = "canary.name.in.the.wrong.field"
	canaryHash = "$argon2id$canary.hash"
)

// leaks reports whether an error, or one within, tells a secret under any verb.
func leaks(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%x"} {
			text := fmt.Sprintf(verb, err)
			for _, secret := range []string{canaryName, canaryHash} {
				if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
					return true
				}
			}
		}
	}
	return false
}

// TestErrorsHoldNoSecrets: whatever SQLite refuses, the error says nothing of the row.
func TestErrorsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	require.True(t, leaks(fmt.Errorf("x: %w", errors.New(canaryHash))), "the test can fail")
	path := filepath.Join(t.TempDir(), "test.db")
	s, err := sqlitestore.Open(path, nil)
	require.NoError(t, err)
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	table := func(text string) { require.NoError(t, second(db.ExecContext(t.Context(), text))) }
	user := passbearer.User{ID: "u1", Name: "johndoe", PasswordHash: canaryHash}
	require.NoError(t, s.AddUser(t.Context(), user))
	client := passbearer.Client{ID: "c1", SecretHash: canaryHash}
	require.NoError(t, s.AddClient(t.Context(), client))
	calls := func(what string) {
		for name, err := range map[string]error{
			"AddUser":            s.AddUser(t.Context(), passbearer.User{ID: "u2", Name: canaryName, PasswordHash: canaryHash}),
			"UpdatePasswordHash": s.UpdatePasswordHash(t.Context(), "u1", canaryHash, canaryHash+"2"),
			"SetPasswordHash":    second(s.SetPasswordHash(t.Context(), "u1", canaryHash, canaryHash+"3")),
			"AddClient":          s.AddClient(t.Context(), client),
			"UserByName":         second(s.UserByName(t.Context(), canaryName)),
			"ClientByID":         second(s.ClientByID(t.Context(), canaryName)),
		} {
			if !strings.HasSuffix(name, "ByName") && !strings.HasSuffix(name, "ByID") || what == "closed" {
				require.Error(t, err, "%s: %s", what, name)
			}
			require.False(t, leaks(err), "%s: %s: %#v", what, name, err)
		}
	}
	for _, on := range []string{"INSERT ON passbearer_users", "UPDATE ON passbearer_users", "INSERT ON passbearer_clients", "UPDATE ON passbearer_clients"} {
		table("CREATE TRIGGER \"refuse " + on + "\" BEFORE " + on + " BEGIN SELECT RAISE(ABORT, 'refused'); END")
	}
	calls("refused rows")
	table("DROP TABLE passbearer_clients")
	table("ALTER TABLE passbearer_users RENAME COLUMN password_hash TO other")
	calls("no such column")
	require.NoError(t, s.Close())
	calls("closed")
}
