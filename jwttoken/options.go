package jwttoken

import (
	"errors"
	"slices"
	"time"

	"github.com/passbearer/passbearer"
)

const (
	defaultLeeway       = 30 * time.Second
	defaultMaxLifetime  = 24 * time.Hour
	defaultMaxTokenSize = 8 << 10
	defaultCacheSize    = 8 << 10
	maxCacheSize        = 16 << 20
	accessTokenType     = "at+jwt" // RFC 9068 §2.1
)

// Options change how tokens are issued and verified. A nil *Options and the zero Options mean the defaults.
type Options struct {
	// Foreign replaces the rules of RFC 9068 by those of another issuer. Nil: RFC 9068.
	Foreign *Foreign
	// Leeway is how far clocks may differ, in whole milliseconds. Zero: 30 s. Negative: none.
	Leeway time.Duration
	// MaxLifetime is how far in the future a token may expire. Zero: 24 h.
	// passbearer.RevocationsOptions.Lifetime and the stores' RevocationLifetime must be at least MaxLifetime + 2*Leeway.
	MaxLifetime time.Duration
	// MaxTokenSize is the greatest length of a token in bytes. Zero: 8 KiB.
	MaxTokenSize int
	// CacheSize is how many verified tokens are remembered, rounded up to a power of two, so that a token
	// seen before costs no signature check. One takes its own length and about 100 bytes of memory, with
	// claims in Extra up to twice its length. Zero: 8,192, or 4 MiB of tokens of 400 bytes. Negative: none.
	CacheSize int
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// InsecureSkipIssuer accepts tokens of any issuer that the keys verify.
	InsecureSkipIssuer bool
	// InsecureSkipAudience accepts tokens that are meant for another resource server.
	InsecureSkipAudience bool
}

// Foreign describes the access tokens of an issuer that does not follow RFC 9068. Such an issuer may
// sign ID tokens with the same key and the same type; set an audience that only access tokens have.
type Foreign struct {
	// Types are the accepted values of the typ header, compared without regard to case and with or
	// without the prefix "application/". "" means typ may be absent. Nil: "JWT", "at+jwt" and "".
	Types []string
	// Required names the claims a token must have beside exp. Nil: "sub". Empty: none.
	Required []string
	// Map changes the verified claims, such as taking the scope out of Extra. It runs after every
	// other check; its error refuses the token. It may be called concurrently. Nil: no change.
	//
	// What it makes of a token is remembered with it ([Options.CacheSize]), so it must depend on the
	// claims alone; what may change while a token lives belongs into a TokenVerifier around this one.
	Map func(*passbearer.Claims) error
}

func (v *Verifier) setDefaults() {
	o := &v.opts
	if o.Leeway == 0 {
		o.Leeway = defaultLeeway
	}
	o.Leeway = max(o.Leeway, 0)
	if o.MaxLifetime == 0 {
		o.MaxLifetime = defaultMaxLifetime
	}
	if o.MaxTokenSize == 0 {
		o.MaxTokenSize = defaultMaxTokenSize
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CacheSize == 0 {
		o.CacheSize = defaultCacheSize
	}
	if o.CacheSize > 0 {
		v.cache = newCache(o.CacheSize)
	}
}

func (v *Verifier) setProfile() error {
	f := v.opts.Foreign
	if f == nil {
		v.types = []string{accessTokenType}
		v.required = []string{"iss", "aud", "iat", "sub", "jti"}
		return nil
	}
	// Copies: the caller's later changes must not change what is verified.
	v.opts.Foreign = &Foreign{Map: f.Map}
	v.types, v.required = slices.Clone(f.Types), slices.Clone(f.Required)
	if f.Types == nil {
		v.types = []string{"JWT", accessTokenType, ""}
	}
	if f.Required == nil {
		v.required = []string{"sub"}
	}
	if len(v.types) == 0 {
		return errors.New("Foreign.Types is empty; use nil for the defaults")
	}
	if slices.Contains(v.required, "") {
		return errors.New("Foreign.Required contains an empty name")
	}
	return nil
}
