package throttle

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/passbearer/passbearer/internal/deadline"
	"github.com/passbearer/passbearer/internal/mac"
)

// DefaultCells is the default of [Options.Cells].
const DefaultCells = 1 << 24

const (
	maxCells      = 1 << 28
	minSecret     = 32 // bytes
	refundTimeout = 5 * time.Second
)

// Options are the settings of a [Limiter]. The zero value keeps its counters in
// memory.
type Options struct {
	Account Limit // strangers' attempts on one name; zero means 25 and 10 hours
	Address Limit // zero means 100 and 10 seconds
	Network Limit // an IPv4 /24 or an IPv6 /64; zero means 300 and 3 seconds
	Device  Limit // of each of a user's 8 allowances; zero means 25 and 10 hours

	// TrustedProxies are the networks of the proxies before this service, whose
	// ProxyHeader is believed. Nil means that there are none, and that every
	// such header is ignored. Behind a proxy that is not listed all clients have
	// its address, and share that one's allowance.
	TrustedProxies []netip.Prefix

	// ProxyHeader is the one header that the proxies set or append to:
	// "Forwarded" (RFC 7239), or any that has addresses with commas between
	// them, the client's first. Empty means "X-Forwarded-For".
	ProxyHeader string

	// Store keeps the counters where processes share them. Nil means a [Memory].
	Store Store

	// Secrets key the counters' cells and the tokens of devices: random, of 32
	// bytes or more each, and the same in every process. The first one is used,
	// and all are taken in tokens. They may be those of
	// passbearer.NewRefreshKeys: other keys are derived from them. With another
	// first secret the counters begin anew. None means a random one, which a
	// Store does not allow: devices are strangers after a restart then.
	Secrets [][]byte

	// Cells is how many counters of each kind there are at most, a power of two: a
	// bound for a Store, which a [Memory] has itself. With another number most
	// counters begin anew. Zero means [DefaultCells].
	Cells int

	// NoDeviceCookie makes every device a stranger, so that whoever knows a
	// name can keep its user from signing in.
	NoDeviceCookie bool

	// Now is the clock, for a Memory and for tokens of devices. Nil means
	// [time.Now].
	Now func() time.Time
}

// Format hides the secrets from package fmt.
func (Options) Format(s fmt.State, _ rune) { io.WriteString(s, "throttle.Options{…}") }

// LogValue hides the secrets from package slog.
func (Options) LogValue() slog.Value { return slog.StringValue("throttle.Options{…}") }

// Limiter bounds attempts to sign in. It is safe for concurrent use. Make it with
// [New].
type Limiter struct {
	opts       Options
	cellKey    *mac.Key
	deviceKeys []*mac.Key
	repeats    *repeats
}

// New returns a Limiter; nil options mean the defaults. The error says which
// option to mend.
func New(opts *Options) (*Limiter, error) {
	l := &Limiter{repeats: newRepeats()}
	if opts != nil {
		l.opts = *opts
	}
	if err := l.opts.fill(); err != nil {
		return nil, err
	}
	for i, secret := range l.opts.Secrets {
		if len(secret) < minSecret {
			return nil, fmt.Errorf("throttle: Options.Secrets: secret %d has %d bytes, which is below %d", i, len(secret), minSecret)
		}
		cells, err1 := hkdf.Key(sha256.New, secret, nil, "passbearer throttle cells v1", sha256.Size)
		device, err2 := hkdf.Key(sha256.New, secret, nil, "passbearer device token v1", sha256.Size)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("throttle: derive a key: %w", err)
		}
		if i == 0 {
			l.cellKey = mac.NewKey(cells)
		}
		l.deviceKeys = append(l.deviceKeys, mac.NewKey(device))
	}
	l.opts.Secrets = nil
	return l, nil
}

func (o *Options) fill() (err error) {
	for _, f := range []struct {
		name  string
		limit *Limit
		usual Limit
	}{
		{"Account", &o.Account, Limit{25, 10 * time.Hour}},
		{"Address", &o.Address, Limit{100, 10 * time.Second}},
		{"Network", &o.Network, Limit{300, 3 * time.Second}},
		{"Device", &o.Device, Limit{25, 10 * time.Hour}},
	} {
		if *f.limit == (Limit{}) {
			*f.limit = f.usual
		}
		if err := f.limit.check(); err != nil {
			return fmt.Errorf("throttle: Options.%s: %w", f.name, err)
		}
	}
	if o.Cells == 0 {
		o.Cells = DefaultCells
	}
	if o.Cells < 0 || o.Cells > maxCells || o.Cells&(o.Cells-1) != 0 {
		return fmt.Errorf("throttle: Options.Cells is no power of two up to %d", maxCells)
	}
	if o.ProxyHeader == "" {
		o.ProxyHeader = "X-Forwarded-For"
	}
	if o.TrustedProxies, err = checkProxies(o.TrustedProxies); err != nil {
		return err
	}
	if len(o.Secrets) == 0 {
		if o.Store != nil {
			return errors.New("throttle: Options.Store needs Options.Secrets, the same in every process: those of passbearer.NewRefreshKeys will do")
		}
		o.Secrets = [][]byte{make([]byte, minSecret)}
		rand.Read(o.Secrets[0])
	}
	if o.Store == nil {
		o.Store = &Memory{Now: o.Now}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

// Format hides the keys from package fmt.
func (Limiter) Format(s fmt.State, _ rune) { io.WriteString(s, "throttle.Limiter{…}") }

// LogValue hides the keys from package slog.
func (Limiter) LogValue() slog.Value { return slog.StringValue("throttle.Limiter{…}") }

// Attempt is an attempt to prove who somebody is by a password.
type Attempt struct {
	// Request has the client's address and its device's cookie. Nil is an
	// attempt of UserID, who is signed in already and changes something: it
	// counts for an allowance of theirs alone, like a device's.
	Request *http.Request

	Account string // the canonical name, known or not

	UserID string // of the user with that name; these two are empty if there is none
	Epoch  int64
}

// Format hides the name from package fmt: a password is often typed into its field.
func (Attempt) Format(s fmt.State, _ rune) { io.WriteString(s, "throttle.Attempt{…}") }

// LogValue hides the name from package slog.
func (Attempt) LogValue() slog.Value { return slog.StringValue("throttle.Attempt{…}") }

// Exceeded is the error of an attempt that may not be made now. It says nothing
// of the account.
type Exceeded struct {
	// By is the allowance that is used up: "account", "address", "network" or
	// "device". Where several are, it is the one with the longest wait.
	By string

	Address netip.Addr    // of the client
	Wait    time.Duration // until the attempt may be made

	unlisted bool // the address looks like that of a proxy
}

// Error names no account, for logs.
func (e *Exceeded) Error() string {
	text := "throttle: too many attempts for one " + e.By
	if e.By == kindAddress.String() || e.By == kindNetwork.String() {
		text += ", from " + e.Address.String()
		if e.unlisted {
			text += " (if that is a proxy of yours, list it in throttle.Options.TrustedProxies)"
		}
	}
	return text
}

// The kinds of counters. Their numbers are in the stores.
const (
	kindAccount kind = iota
	kindAddress
	kindNetwork
	kindDevice
)

type kind int64

func (k kind) String() string { return [...]string{"account", "address", "network", "device"}[k] }

// maxTakes is how many an attempt counts for.
const maxTakes = 3

// kindShift leaves room for the cells of a kind, which are below 2^34.
const (
	kindShift = 32
	kindCount = 1 << 34 >> kindShift
)

func (l *Limiter) take(k kind, limit Limit, of string) Take {
	sum := l.cellKey.Sum(string([]byte{byte(k)}), of)
	hash := binary.BigEndian.Uint64(sum[:])
	return Take{int64(k)<<kindShift | int64(hash&uint64(l.opts.Cells-1)), limit}
}

// Reservation is an attempt that may be made. Whoever has it calls Refund or
// Fail once, or neither: then it stays counted.
type Reservation struct {
	limiter *Limiter
	takes   []Take         // what it counts for; the first is an account or a device
	room    [maxTakes]Take // of takes
	account string         // these three are what a stranger's repeat is known by
	from    netip.Addr
	before  uint64
}

// Format hides the name from package fmt.
func (Reservation) Format(s fmt.State, _ rune) { io.WriteString(s, "throttle.Reservation{…}") }

// LogValue hides the name from package slog.
func (Reservation) LogValue() slog.Value { return slog.StringValue("throttle.Reservation{…}") }

// Reserve counts an attempt, before any work is done for it. The error is an
// [*Exceeded] where it may not be made, and any other one if the [Store] failed.
func (l *Limiter) Reserve(ctx context.Context, a Attempt) (*Reservation, error) {
	r := &Reservation{limiter: l, account: a.Account, before: l.repeats.count.Load()}
	if a.Request == nil {
		return r.reserve(ctx, l.take(kindDevice, l.opts.Device, fmt.Sprintf("%d %s", devices, a.UserID)))
	}
	if d := l.device(a.Request, a.UserID, a.Epoch); d.mine >= 0 {
		slot := d.tokens[d.mine].slot()
		ok, err := r.reserve(ctx, l.take(kindDevice, l.opts.Device, fmt.Sprintf("%d %s", slot, a.UserID)))
		if !isExceeded(err) {
			return ok, err
		}
	}
	r.from = l.ClientAddress(a.Request)
	var text [48]byte // an address is shorter
	ok, err := r.reserve(ctx,
		l.take(kindAccount, l.opts.Account, a.Account),
		l.take(kindAddress, l.opts.Address, string(r.from.AppendTo(text[:0]))),
		l.take(kindNetwork, l.opts.Network, string(network(r.from).AppendTo(text[:0]))))
	if e, exceeded := errors.AsType[*Exceeded](err); exceeded {
		e.Address = r.from
		e.unlisted = (r.from.IsPrivate() || r.from.IsLoopback()) && !l.trusts(r.from)
	}
	return ok, err
}

func (r *Reservation) reserve(ctx context.Context, takes ...Take) (*Reservation, error) {
	r.takes = append(r.room[:0], takes...)
	waits, err := r.limiter.opts.Store.ReserveAttempt(ctx, r.takes)
	switch {
	case err != nil:
		return nil, fmt.Errorf("throttle: reserve an attempt: %w", err)
	case waits == nil:
		return r, nil
	case len(waits) != len(takes):
		return nil, errors.New("throttle: the Store returned another number of waits than it was asked for")
	}
	longest := slices.Index(waits, slices.Max(waits))
	return nil, &Exceeded{By: kind(takes[longest].Cell >> kindShift).String(), Wait: waits[longest]}
}

func isExceeded(err error) bool {
	_, ok := errors.AsType[*Exceeded](err)
	return ok
}

// Refund gives the attempt back: the password was right, or was never looked at.
// It is done though ctx is cancelled, and within 5 seconds.
func (r *Reservation) Refund(ctx context.Context) error { return r.refund(ctx, r.takes) }

// Fail says that the password was wrong, and which one it was, which is not kept. The
// attempt stays counted, unless it repeats one that is. Empty means that it was no
// password, but a code for instance: each attempt counts then.
func (r *Reservation) Fail(ctx context.Context, password string) error {
	stranger := kind(r.takes[0].Cell>>kindShift) == kindAccount // a device's attempt is a hash, and nobody else pays for it
	if stranger && password != "" && r.limiter.repeats.again(r.account, r.from, password, r.before, r.limiter.opts.Now()) {
		return r.refund(ctx, r.takes[:1])
	}
	return nil
}

func (r *Reservation) refund(ctx context.Context, takes []Take) error {
	ctx, cancel := deadline.After(context.WithoutCancel(ctx), refundTimeout)
	defer cancel()
	if err := r.limiter.opts.Store.RefundAttempt(ctx, takes); err != nil {
		return fmt.Errorf("throttle: give an attempt back: %w", err)
	}
	return nil
}
