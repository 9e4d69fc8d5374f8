package passbearer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"github.com/passbearer/passbearer/password"
)

// User is what signing in must know of a user.
type User struct {
	ID   string // the sub of their tokens: never empty, never changed, never reused
	Name string // canonical, see [CanonicalName]

	// PasswordHash is what a password.Hasher reads: a PHC string, or a hash of
	// another library. Empty is for a user who has no password.
	PasswordHash string `json:"-"`

	Scope    Scope // all that they may do
	Disabled bool  // may not sign in, nor refresh

	// Epoch is raised by a change of password, by disabling and by signing out
	// everywhere. Sessions of another epoch are over.
	Epoch int64
}

// NewUser returns a user to add to a store: with a random id of 128 bits or
// more, the canonical name, and the password hashed by [password.Default], whose
// errors it returns. Rules for choosing a password are the caller's.
func NewUser(ctx context.Context, name, plain string, scope Scope) (User, error) {
	canonical, err := CanonicalName(name)
	if err != nil {
		return User{}, err
	}
	if !scope.Valid() {
		return User{}, errors.New("passbearer: the user's scope is malformed: separate its tokens by one space")
	}
	hash, err := password.Default().Hash(ctx, plain)
	if err != nil {
		return User{}, fmt.Errorf("passbearer: hash the user's password: %w", err)
	}
	return User{ID: rand.Text(), Name: canonical, PasswordHash: hash, Scope: scope}, nil
}

// Format prints the id and hides the rest from package fmt.
func (u User) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "User{ID:%q}", u.ID) }

// LogValue prints the id and hides the rest from package slog.
func (u User) LogValue() slog.Value { return slog.GroupValue(slog.String("id", u.ID)) }

// UserStore finds users. Its methods are called concurrently. For a user who
// does not exist the error wraps [ErrUserNotFound]; any other error is answered
// 503, as are a nil User and one without an id. The caller does not change the
// User.
//
// Attempts to sign in are counted for a name, so a user must be found by one
// canonical name alone: where an e-mail address will do as well, or spaces or accents
// do not matter, [TokenHandlerOptions.CanonicalName] maps them. That holds for a
// [PasswordVerifier] too.
type UserStore interface {
	UserByName(ctx context.Context, name string) (*User, error) // name is canonical
	UserByID(ctx context.Context, id string) (*User, error)     // id is [User.ID], a token's sub
}

// PasswordHashUpdater is what a [UserStore] also implements to have hashes
// renewed at sign-in when the policy has changed. It replaces the hash only if
// it still is old: a password changed meanwhile stays. The epoch stays too.
type PasswordHashUpdater interface {
	UpdatePasswordHash(ctx context.Context, userID, old, new string) error
}

// PasswordVerifier is what a [UserStore] also implements when it checks
// passwords itself, by an LDAP bind for instance; [User.PasswordHash] is not
// used then. It is called for every attempt, whether or not the name is known,
// and should take the same time for all. The password is 1 to 1,024 bytes of
// UTF-8.
type PasswordVerifier interface {
	VerifyPassword(ctx context.Context, name, password string) (bool, error)
}

// EpochRaiser is what a [UserStore] also implements so that
// [Sessions.EndAll] can end all sessions of a user at once. It raises the epoch
// by at least 1, durably, and returns the new one.
type EpochRaiser interface {
	RaiseEpoch(ctx context.Context, userID string) (int64, error)
}

// UserEditor is what a [UserStore] also implements so that passwords can be
// changed and users disabled. Both raise the epoch by at least 1 in the same atomic
// step, durably, and return it.
type UserEditor interface {
	// SetPasswordHash replaces the hash if it still is old; if it is another,
	// the error wraps [ErrPasswordChanged].
	SetPasswordHash(ctx context.Context, userID, old, new string) (epoch int64, err error)

	// SetDisabled disables the user, or enables them again.
	SetDisabled(ctx context.Context, userID string, disabled bool) (epoch int64, err error)
}

// maxNameBytes bounds a user's name before normalisation.
const maxNameBytes = 1024

var errName = errors.New("passbearer: a user's name is 1 to 1024 bytes of UTF-8")

// CanonicalName returns the one spelling of name under which a store keeps it:
// Unicode case folding and Normalization Form C, without regard to locale. Names
// that differ only in case or in composed letters are the same user (so are
// "straße" and "STRASSE"); letters that merely look alike are not. A name is 1 to
// 1,024 bytes of UTF-8.
func CanonicalName(name string) (string, error) {
	if name == "" || len(name) > maxNameBytes || !utf8.ValidString(name) {
		return "", errName
	}
	if isASCII(name) { // as it would come out below, without the tables
		return strings.ToLower(name), nil
	}
	// Decomposed first, as the Unicode Standard §3.13, D145, compares; in lower
	// case first, because x/text folds Cherokee capitals and small letters to each
	// other, where one must win.
	lower := cases.Lower(language.Und, cases.HandleFinalSigma(false)).String(norm.NFD.String(name))
	return norm.NFC.String(cases.Fold().String(lower)), nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Client is an application that asks for tokens.
type Client struct {
	ID string // the client_id, which is public

	// SecretHash is what [ClientSecretHash] returned.
	SecretHash string `json:"-"`

	// Public marks a client that has no secret and may send none, such as a
	// browser's or a phone's. One that is not Public and has no SecretHash is
	// refused.
	Public bool

	// RefreshGrace is how long a refresh token may be repeated after its
	// rotation. Zero means [SessionsOptions.Grace]; negative means not at all.
	RefreshGrace time.Duration
}

// Format prints the id and hides the rest from package fmt.
func (c Client) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "Client{ID:%q}", c.ID) }

// LogValue prints the id and hides the rest from package slog.
func (c Client) LogValue() slog.Value { return slog.GroupValue(slog.String("id", c.ID)) }

// ClientStore finds clients, concurrently. For a client that does not exist
// the error wraps [ErrClientNotFound]; any other error, or a nil Client, is
// answered 503.
type ClientStore interface {
	ClientByID(ctx context.Context, id string) (*Client, error)
}

// ClientSecretHash returns what a [ClientStore] keeps in the place of secret.
// It is a plain SHA-256, which is safe only for a random secret of 128 bits or
// more: crypto/rand.Text makes one.
func ClientSecretHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
