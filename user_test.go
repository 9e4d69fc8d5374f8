package passbearer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/password"
)

func TestCanonicalName(t *testing.T) {
	for _, tt := range []struct{ typed, name string }{
		{"johndoe", "johndoe"},
		{"JohnDoe", "johndoe"},
		{"Andre\u0301", "andr\u00e9"},
		{"\u0130stanbul", "i\u0307stanbul"}, // without regard to locale
		{"ΣΑΣ", "σασ"},                      // whatever stands behind it
		{"σας", "σασ"},
		{"STRASSE", "strasse"},
		{"straße", "strasse"},
		{"\u13b9\uab89", "\u13b9\u13b9"}, // Cherokee has both cases
		{"ＡＤＭＩＮ", "ａｄｍｉｎ"},               // full-width is another name
		{" a b ", " a b "},               // nothing is trimmed
		{strings.Repeat("n", 1024), strings.Repeat("n", 1024)},
	} {
		name, err := passbearer.CanonicalName(tt.typed)
		require.NoError(t, err)
		require.Equal(t, tt.name, name, tt.typed)
	}
	for _, typed := range []string{"", "\xff", strings.Repeat("n", 1025)} {
		_, err := passbearer.CanonicalName(typed)
		require.Error(t, err)
	}
}

func FuzzCanonicalName(f *testing.F) {
	f.Add("JohnDoe")
	f.Add("\u0130\u0307")
	f.Add("\u03a3\u0301 \u1e9e\ufb03")
	f.Fuzz(func(t *testing.T, typed string) {
		once, err := passbearer.CanonicalName(typed)
		if err != nil {
			return
		}
		twice, err := passbearer.CanonicalName(once)
		if len(once) <= 1024 && (err != nil || twice != once) || !utf8.ValidString(once) {
			t.Errorf("%q becomes %q, and that %q, %v", typed, once, twice, err)
		}
	})
}

func TestNewUser(t *testing.T) {
	u, err := passbearer.NewUser(t.Context(), "JohnDoe", "secret", "me")
	require.NoError(t, err)
	require.Len(t, u.ID, 26)
	require.Equal(t, "johndoe", u.Name)
	require.Equal(t, passbearer.Scope("me"), u.Scope)
	ok, rehash, err := password.Default().Verify(t.Context(), "secret", u.PasswordHash)
	require.NoError(t, err)
	require.True(t, ok && !rehash)
	again, err := passbearer.NewUser(t.Context(), "JohnDoe", "secret", "me")
	require.NoError(t, err)
	require.NotEqual(t, u.ID, again.ID)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		ctx         context.Context
		name, plain string
		scope       passbearer.Scope
	}{
		{t.Context(), "", "secret", ""},
		{t.Context(), "johndoe", "", ""},
		{t.Context(), "johndoe", "secret", "a  b"},
		{cancelled, "johndoe", "secret", ""},
	} {
		_, err := passbearer.NewUser(tt.ctx, tt.name, tt.plain, tt.scope)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestCurrentUser(t *testing.T) {
	var failure error
	user := &passbearer.User{ID: "u1"}
	load := passbearer.CurrentUser(userStore{byID: func(id string) (*passbearer.User, error) {
		require.Equal(t, "u1", id)
		return user, failure
	}})
	got, err := load(t.Context(), &passbearer.Claims{Subject: "u1"})
	require.NoError(t, err)
	require.Same(t, user, got)
	for _, tt := range []struct {
		user    *passbearer.User
		failure error
		want    error
	}{
		{&passbearer.User{ID: "u1", Disabled: true}, nil, passbearer.ErrUserDisabled},
		{nil, passbearer.ErrUserNotFound, passbearer.ErrUserNotFound},
		{nil, errPanic, errPanic},
		{nil, nil, nil},
		{&passbearer.User{ID: "u2"}, nil, nil},
	} {
		user, failure = tt.user, tt.failure
		got, err := load(t.Context(), &passbearer.Claims{Subject: "u1"})
		require.Nil(t, got)
		require.Error(t, err)
		if tt.want != nil {
			require.ErrorIs(t, err, tt.want)
		} else {
			require.False(t, errors.Is(err, passbearer.ErrUserNotFound), "a broken store, not an unknown user")
		}
	}
	require.Panics(t, func() { passbearer.CurrentUser(nil) })
}

// TestSecretsDoNotPrint covers each verb that package fmt has, and the two
// handlers of package slog.
func TestSecretsDoNotPrint(t *testing.T) {
	const canary = "CANARY"
	user := passbearer.User{ID: "u1", PasswordHash: canary}
	client := passbearer.Client{ID: "web", SecretHash: canary}
	for _, v := range []any{user, &user, []passbearer.User{user}, map[string]*passbearer.User{"x": &user}, client, &client, struct{ C passbearer.Client }{client}} {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		text, err := json.Marshal(v)
		require.NoError(t, err)
		require.NotContains(t, out.String()+string(text), canary)
		require.NotContains(t, out.String(), fmt.Sprintf("%x", canary))
	}
	require.Equal(t, `User{ID:"u1"} Client{ID:"web"}`, fmt.Sprint(user, client))
}
