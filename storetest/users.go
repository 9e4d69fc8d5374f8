package storetest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/passbearer/passbearer"
)

// UserStore is what the suite of users needs of a store. AddUser fails with an
// error that wraps passbearer.ErrUserExists where the id or the name is taken.
type UserStore interface {
	passbearer.UserStore
	AddUser(ctx context.Context, u passbearer.User) error
}

// TestUserStore tests a passbearer.UserStore, and as far as the store implements
// them passbearer.PasswordHashUpdater, UserEditor and EpochRaiser.
func TestUserStore[S UserStore](t *testing.T, open func(*testing.T) S) {
	run(t, "what was added is found", open, usersAreFound)
	run(t, "unknown users", open, unknownUsers)
	run(t, "ids and names are unique", open, usersAreUnique)
	run(t, "one of many sign-ups wins", open, oneSignUpWins)
	if _, ok := any(open(t)).(passbearer.PasswordHashUpdater); ok {
		run(t, "UpdatePasswordHash compares and swaps", open, hashIsSwapped)
	}
	if _, ok := any(open(t)).(passbearer.UserEditor); ok {
		run(t, "SetPasswordHash compares, swaps and raises the epoch", open, passwordIsSet)
		run(t, "one of many changes of a password wins", open, onePasswordWins)
		run(t, "SetDisabled raises the epoch", open, userIsDisabled)
	}
	if _, ok := any(open(t)).(passbearer.EpochRaiser); ok {
		run(t, "RaiseEpoch", open, epochIsRaised)
	}
}

// users have what a store may get wrong: length, other scripts, SQL, LIKE and
// glob characters.
var users = []passbearer.User{
	{ID: "u1", Name: "johndoe", PasswordHash: "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$dGFn", Scope: "me items:read", Epoch: 3},
	{ID: "u2", Name: "alice", Disabled: true},
	{ID: "u3", Name: "%", Scope: "a"},
	{ID: "u4", Name: "_"},
	{ID: "u5", Name: "'; drop table users; --"},
	{ID: "U1", Name: "jörg 🔑\tüñï*?[a]\\", Epoch: 1 << 60},
	{ID: strings.Repeat("i", 64), Name: strings.Repeat("n", 1024), PasswordHash: strings.Repeat("h", 512), Scope: passbearer.Scope(strings.Repeat("s", 4096))},
}

func usersAreFound[S UserStore](ctx context.Context, t *testing.T, s S) {
	for _, u := range users {
		must(t, s.AddUser(ctx, u))
	}
	for _, want := range users {
		byName, err := s.UserByName(ctx, want.Name)
		must(t, err)
		byID, err := s.UserByID(ctx, want.ID)
		must(t, err)
		if *byName != want || *byID != want {
			t.Errorf("%q changed in the store: %+v by name, %+v by id", want.ID, fields(byName), fields(byID))
		}
	}
}

// fields shows what User.Format hides.
func fields(u *passbearer.User) any {
	type plain passbearer.User
	return plain(*u)
}

func unknownUsers[S UserStore](ctx context.Context, t *testing.T, s S) {
	must(t, s.AddUser(ctx, users[0]))
	for _, name := range []string{"", "u1", "johndo", "johndoee", "JOHNDOE", "johndoe ", "john%", "johndo_", "'"} {
		_, err := s.UserByName(ctx, name)
		mustBe(t, err, passbearer.ErrUserNotFound)
	}
	for _, id := range []string{"", "johndoe", "U1", "u", "u%", "u_", "'"} {
		_, err := s.UserByID(ctx, id)
		mustBe(t, err, passbearer.ErrUserNotFound)
	}
}

func usersAreUnique[S UserStore](ctx context.Context, t *testing.T, s S) {
	must(t, s.AddUser(ctx, users[0]))
	mustBe(t, s.AddUser(ctx, passbearer.User{ID: "u9", Name: "johndoe"}), passbearer.ErrUserExists)
	mustBe(t, s.AddUser(ctx, passbearer.User{ID: "u1", Name: "other"}), passbearer.ErrUserExists)
	u, err := s.UserByName(ctx, "johndoe")
	must(t, err)
	if *u != users[0] {
		t.Error("a refused sign-up changed the user who was there")
	}
	_, err = s.UserByName(ctx, "other")
	mustBe(t, err, passbearer.ErrUserNotFound)
	_, err = s.UserByID(ctx, "u9")
	mustBe(t, err, passbearer.ErrUserNotFound)
}

func oneSignUpWins[S UserStore](ctx context.Context, t *testing.T, s S) {
	errs := make([]error, parallel)
	each(func(i int) {
		errs[i] = s.AddUser(ctx, passbearer.User{ID: strings.Repeat("i", i+1), Name: "johndoe"})
	})
	winners := 0
	for _, err := range errs {
		if err == nil {
			winners++
			continue
		}
		mustBe(t, err, passbearer.ErrUserExists)
	}
	if winners != 1 {
		t.Errorf("%d users have one name", winners)
	}
}

func hashIsSwapped[S UserStore](ctx context.Context, t *testing.T, s S) {
	updater := any(s).(passbearer.PasswordHashUpdater)
	must(t, s.AddUser(ctx, users[0]))
	expect := func(hash string) {
		t.Helper()
		want := users[0]
		want.PasswordHash = hash
		got, err := s.UserByID(ctx, want.ID)
		must(t, err)
		if *got != want {
			t.Errorf("the user is %+v, want %+v", fields(got), fields(&want))
		}
	}
	must(t, updater.UpdatePasswordHash(ctx, "u1", users[0].PasswordHash, "second"))
	expect("second")
	must(t, updater.UpdatePasswordHash(ctx, "u1", users[0].PasswordHash, "third")) // too late, and no error
	expect("second")
	mustBe(t, updater.UpdatePasswordHash(ctx, "u9", "", "x"), passbearer.ErrUserNotFound)
}

func passwordIsSet[S UserStore](ctx context.Context, t *testing.T, s S) {
	editor := any(s).(passbearer.UserEditor)
	must(t, s.AddUser(ctx, users[0]))
	want := users[0]
	epoch, err := editor.SetPasswordHash(ctx, "u1", want.PasswordHash, "second")
	must(t, err)
	if want.PasswordHash = "second"; epoch <= want.Epoch {
		t.Errorf("the epoch is %d after a change of password, and was %d", epoch, want.Epoch)
	}
	want.Epoch = epoch
	_, err = editor.SetPasswordHash(ctx, "u1", users[0].PasswordHash, "third")
	mustBe(t, err, passbearer.ErrPasswordChanged)
	got, err := s.UserByID(ctx, "u1")
	must(t, err)
	if *got != want {
		t.Errorf("the user is %+v, want %+v", fields(got), fields(&want))
	}
	_, err = editor.SetPasswordHash(ctx, "u9", "", "x")
	mustBe(t, err, passbearer.ErrUserNotFound)
}

func onePasswordWins[S UserStore](ctx context.Context, t *testing.T, s S) {
	editor := any(s).(passbearer.UserEditor)
	must(t, s.AddUser(ctx, users[0]))
	errs := make([]error, parallel)
	each(func(i int) {
		_, errs[i] = editor.SetPasswordHash(ctx, "u1", users[0].PasswordHash, strings.Repeat("h", i+1))
	})
	winner := -1
	for i, err := range errs {
		if err == nil && winner < 0 {
			winner = i
			continue
		}
		mustBe(t, err, passbearer.ErrPasswordChanged)
	}
	got, err := s.UserByID(ctx, "u1")
	must(t, err)
	if len(got.PasswordHash) != winner+1 {
		t.Error("the hash is not that of the change that was acknowledged")
	}
}

func userIsDisabled[S UserStore](ctx context.Context, t *testing.T, s S) {
	editor := any(s).(passbearer.UserEditor)
	must(t, s.AddUser(ctx, users[0]))
	want := users[0]
	for _, disabled := range []bool{true, true, false} {
		epoch, err := editor.SetDisabled(ctx, "u1", disabled)
		must(t, err)
		if epoch <= want.Epoch {
			t.Errorf("the epoch is %d after SetDisabled(%v), and was %d", epoch, disabled, want.Epoch)
		}
		want.Disabled, want.Epoch = disabled, epoch
		got, err := s.UserByID(ctx, "u1")
		must(t, err)
		if *got != want {
			t.Errorf("the user is %+v, want %+v", fields(got), fields(&want))
		}
	}
	_, err := editor.SetDisabled(ctx, "u9", true)
	mustBe(t, err, passbearer.ErrUserNotFound)
}

func epochIsRaised[S UserStore](ctx context.Context, t *testing.T, s S) {
	raiser := any(s).(passbearer.EpochRaiser)
	must(t, s.AddUser(ctx, users[0]))
	must(t, s.AddUser(ctx, users[1]))
	var mu sync.Mutex
	seen := map[int64]bool{}
	each(func(int) {
		epoch, err := raiser.RaiseEpoch(ctx, "u1")
		mu.Lock()
		defer mu.Unlock()
		if err != nil || epoch <= users[0].Epoch || seen[epoch] {
			t.Errorf("RaiseEpoch: %d, %v", epoch, err)
		}
		seen[epoch] = true
	})
	after, err := s.UserByID(ctx, "u1")
	must(t, err)
	if !seen[after.Epoch] || after.Epoch < users[0].Epoch+parallel {
		t.Errorf("the epoch is %d after it was raised %d times from %d", after.Epoch, parallel, users[0].Epoch)
	}
	other, err := s.UserByID(ctx, "u2")
	must(t, err)
	if *other != users[1] {
		t.Error("another user's epoch changed")
	}
	_, err = raiser.RaiseEpoch(ctx, "u9")
	mustBe(t, err, passbearer.ErrUserNotFound)
}
