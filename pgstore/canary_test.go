package pgstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/pgstore"
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

// TestErrorsHoldNoSecrets: PostgreSQL quotes a row that it refuses in the detail of its
// error, and a statement's parameters in its context.
func TestErrorsHoldNoSecrets(t *testing.T) {
	t.Parallel()
	require.True(t, leaks(fmt.Errorf("x: %w", errors.New(canaryHash))), "the test can fail")
	opts := options(t)
	url := with(t, serverURL(t), "log_parameter_max_length_on_error", "-1")
	s := openAt(t, url, opts)
	table := func(sql string) { execute(t, url, strings.ReplaceAll(sql, "TABLE ", "TABLE "+opts.Schema+".")) }
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
	table(`ALTER TABLE users ADD CONSTRAINT refuse CHECK (epoch < 0) NOT VALID`)
	table(`ALTER TABLE clients ADD CONSTRAINT refuse CHECK (refresh_grace < 0) NOT VALID`)
	calls("refused rows")
	table(`ALTER TABLE users RENAME COLUMN password_hash TO other`)
	table(`ALTER TABLE clients RENAME COLUMN secret_hash TO other`)
	calls("no such column")
	err := s.AddUser(t.Context(), passbearer.User{ID: "u3", Name: "x", PasswordHash: canaryHash + "\x00\xff"})
	require.Error(t, err)
	require.False(t, leaks(err), "%#v", err)
	s.Close()
	calls("closed")
	_, err = pgstore.Open(t.Context(), "postgres://u:"+canaryHash+"%zz@127.0.0.1:1/x", nil)
	require.Error(t, err)
	require.False(t, leaks(err), "%#v", err)
	_, err = pgstore.Open(t.Context(), "postgres://u:"+canaryHash+"@127.0.0.1:1/x?connect_timeout=1", &pgstore.Options{Timeout: time.Second})
	require.Error(t, err)
	require.False(t, leaks(err), "%#v", err)
}

func second[T any](_ T, err error) error { return err }
