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
	"github.com/passbearer/passbearer/memstore"
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
	for c := range utf8.RuneSelf { // ASCII alone takes a shorter way
		short, err := passbearer.CanonicalName("a" + string(rune(c)))
		require.NoError(t, err)
		long, err := passbearer.CanonicalName("a" + string(rune(c)) + "é")
		require.NoError(t, err)
		require.Equal(t, long, short+"é")
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

func TestChangePassword(t *testing.T) {
	old := fastUser(t, "u1", "johndoe", "")
	off := fastUser(t, "u2", "alice", "")
	off.Disabled = true
	down := errors.New("secret cause")
	for _, tt := range []struct {
		name         string
		user         string
		current, new string
		fails        string // the call of the store that does
		err          error
		status       int
		kinds        []passbearer.EventKind
	}{
		{"changed", "u1", "secret", "other", "", nil, 0, []passbearer.EventKind{passbearer.EventPasswordChanged}},
		{"wrong current one", "u1", "wrong", "other", "", nil, 400, []passbearer.EventKind{passbearer.EventSignInFailed}},
		{"no current one", "u1", "", "other", "", nil, 400, []passbearer.EventKind{passbearer.EventSignInFailed}},
		{"disabled", "u2", "secret", "other", "", nil, 400, []passbearer.EventKind{passbearer.EventSignInFailed}},
		{"unfit new one", "u1", "secret", "", "", password.ErrPassword, 0, nil},
		{"unknown user", "u9", "secret", "other", "", passbearer.ErrUserNotFound, 0, nil},
		{"cannot load", "u1", "secret", "other", "UserByID", down, 0, nil},
		{"cannot store", "u1", "secret", "other", "SetPasswordHash", down, 0, nil},
		{"changed meanwhile", "u1", "secret", "other", "SetPasswordHash", passbearer.ErrPasswordChanged, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			seen := new(events)
			store := &editing{Store: memstore.New(old, off), fails: tt.fails, err: tt.err}
			h := passbearer.NewTokenHandler(store, new(fakeIssuer), &passbearer.TokenHandlerOptions{Passwords: fastPasswords, Observer: seen})
			err := h.ChangePassword(t.Context(), tt.user, tt.current, tt.new)
			require.Equal(t, tt.kinds, seen.kinds())
			switch {
			case tt.status != 0:
				require.Equal(t, tt.status, passbearer.AsError(err).StatusCode)
				require.Equal(t, "invalid_grant", passbearer.AsError(err).ErrorCode)
			case tt.err != nil:
				require.ErrorIs(t, err, tt.err)
				status := map[bool]int{true: 503, false: 500}[tt.err == down]
				require.Equal(t, status, passbearer.AsError(err).StatusCode)
			default:
				require.NoError(t, err)
			}
			status, _, _ := post(t, h, "username", "johndoe", "password", "secret")
			require.Equal(t, err == nil, status == 400, "the old one is over when the change was acknowledged, and only then")
		})
	}
	fixed := passbearer.NewTokenHandler(userStore{}, new(fakeIssuer), nil)
	require.ErrorIs(t, fixed.ChangePassword(t.Context(), "u1", "a", "b"), errors.ErrUnsupported)
}

// editing is a memstore of which one call fails once.
type editing struct {
	*memstore.Store
	fails string
	err   error
}

func (s *editing) fail(call string) error {
	if s.fails != call {
		return nil
	}
	s.fails = ""
	return s.err
}

func (s *editing) UserByID(ctx context.Context, id string) (*passbearer.User, error) {
	if err := s.fail("UserByID"); err != nil {
		return nil, err
	}
	return s.Store.UserByID(ctx, id)
}

func (s *editing) SetPasswordHash(ctx context.Context, id, old, new string) (int64, error) {
	if err := s.fail("SetPasswordHash"); err != nil {
		return 0, err
	}
	return s.Store.SetPasswordHash(ctx, id, old, new)
}

func (s *editing) SetDisabled(ctx context.Context, id string, disabled bool) (int64, error) {
	if err := s.fail("SetDisabled"); err != nil {
		return 0, err
	}
	return s.Store.SetDisabled(ctx, id, disabled)
}

func TestDisable(t *testing.T) {
	store := &editing{Store: memstore.New(fastUser(t, "u1", "johndoe", ""))}
	keys, err := passbearer.NewRefreshKeys(site, make([]byte, 32))
	require.NoError(t, err)
	seen := new(events)
	sessions := passbearer.NewSessions(store, store, keys, &passbearer.SessionsOptions{Observer: seen})
	h := passbearer.NewTokenHandler(store, new(fakeIssuer), &passbearer.TokenHandlerOptions{Passwords: fastPasswords, Sessions: sessions, Observer: new(events)})
	_, body, _ := post(t, h, "username", "johndoe", "password", "secret")
	store.fails, store.err = "SetDisabled", errPanic
	err = sessions.Disable(t.Context(), "u1")
	require.ErrorIs(t, err, errPanic)
	require.Equal(t, 503, passbearer.AsError(err).StatusCode)
	require.NoError(t, sessions.Disable(t.Context(), "u1"))
	require.Equal(t, []passbearer.EventKind{passbearer.EventUserDisabled}, seen.kinds())
	for _, pairs := range [][]string{{"username", "johndoe", "password", "secret"}, {"grant_type", "refresh_token", "refresh_token", body["refresh_token"].(string)}} {
		status, body, _ := post(t, h, pairs...)
		require.Equal(t, 400, status)
		require.Equal(t, "invalid_grant", body["error"])
	}
	list, err := sessions.List(t.Context(), "u1")
	require.NoError(t, err)
	require.Empty(t, list)
	fixed := passbearer.NewSessions(userStore{}, store, keys, nil)
	require.ErrorIs(t, fixed.Disable(t.Context(), "u1"), errors.ErrUnsupported)
}
