// Package password stores and checks passwords with argon2id (RFC 9106).
//
// Call [Default], or [New] for costs of your own, once for the process. Then
// [Hasher.Hash] makes the string to store when a password is set, and
// [Hasher.Verify] checks a password at sign-in. Call Verify for every attempt,
// also when there is no such user: an empty hash stands for them, and costs what
// a wrong password costs.
//
// A stored hash is a PHC string, such as other libraries make too:
//
//	$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>
//
// It is read as untrusted input: its costs are capped before any memory is
// taken. A Hasher also bounds how many hashes run at once and how many callers
// wait, so a storm of sign-ins can take neither all memory nor all processors.
//
// Out of scope are the rules for choosing a new password (its length, lists of
// common ones), which are a separate check at sign-up; limits on attempts; and
// hashes of other kinds, such as bcrypt and scrypt, which are [ErrHash] here.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// MaxLength is the longest password, in bytes of UTF-8, measured as it was
// received: before normalisation, so that the normaliser's work is bounded too.
const MaxLength = 1024

// What Hash makes. RFC 9106 §4 recommends a salt of 128 bits and a tag of 256.
const (
	saltBytes = 16
	tagBytes  = 32
)

var (
	// ErrPassword means that the password is not 1 to [MaxLength] bytes of
	// valid UTF-8.
	ErrPassword = errors.New("password: not 1 to 1024 bytes of valid UTF-8")

	// ErrHash means that the stored hash is malformed, of an unsupported kind,
	// or over [Options.Limit]. The error that wraps it says which, and never
	// quotes the hash.
	ErrHash = errors.New("password: unusable stored hash")

	// ErrBusy means that every slot is taken and the queue is full. No work
	// was done. An HTTP handler answers 503 with Retry-After.
	ErrBusy = errors.New("password: too many hashes at once")
)

// Params are the costs of one argon2id hash.
type Params struct {
	Memory  uint32 // KiB, at least 8 for each of Threads
	Time    uint32 // passes over the memory, at least 1
	Threads uint8  // lanes, each a goroutine of its own, at least 1
}

// Options are the settings of a [Hasher]. The zero value is safe and usual.
type Options struct {
	// Params are the costs of new hashes, and the least that a failed attempt
	// costs. Zero means 19456 KiB (19 MiB), 2 passes and 1 lane, the first
	// choice of OWASP's Password Storage Cheat Sheet.
	Params Params

	// Limit holds the largest costs obeyed in a stored hash, each on its own.
	// A hash over any of them is [ErrHash]. Zero means 131072 KiB (128 MiB),
	// 8 passes and 8 lanes. Memory at its worst is Concurrency times
	// Limit.Memory.
	Limit Params

	// Concurrency is how many hashes may run at once. Zero means one less than
	// runtime.GOMAXPROCS, but at least 1, so that other requests keep a
	// processor while many sign in.
	Concurrency int

	// Queue is how many callers may wait for a slot; those beyond get
	// [ErrBusy]. Zero means 64; a negative number means that none may wait.
	Queue int
}

// Hasher hashes and verifies passwords at one policy and behind one admission
// gate. It holds no secrets. It is safe for concurrent use. Make one for the
// process with [New], or take [Default]: two Hashers are two gates, which
// together admit twice as much.
type Hasher struct {
	policy Params
	limit  Params
	gate   *gate
	hashes atomic.Uint64
	work   atomic.Uint64

	// kdf is argon2.IDKey, but for tests that count, block or panic.
	kdf func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte
}

// New returns a Hasher; nil options mean the defaults. The error says what to
// mend: costs below argon2's minimum, Params over Limit, or a negative
// Concurrency.
func New(opts *Options) (*Hasher, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.fill()
	if err := o.Params.check(); err != nil {
		return nil, fmt.Errorf("password: Options.Params: %w", err)
	}
	if err := o.Params.within(o.Limit); err != nil {
		return nil, fmt.Errorf("password: Options.Params: %w: raise Options.Limit or lower Options.Params", err)
	}
	if o.Concurrency < 0 {
		return nil, errors.New("password: Options.Concurrency is negative: use 0 for the default")
	}
	return &Hasher{
		policy: o.Params,
		limit:  o.Limit,
		gate:   newGate(o.Concurrency, o.Queue),
		kdf:    argon2.IDKey,
	}, nil
}

// fill puts the defaults in the place of zeros.
func (o *Options) fill() {
	if o.Params == (Params{}) {
		o.Params = Params{Memory: 19 * 1024, Time: 2, Threads: 1}
	}
	if o.Limit == (Params{}) {
		o.Limit = Params{Memory: 128 * 1024, Time: 8, Threads: 8}
	}
	if o.Concurrency == 0 {
		o.Concurrency = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if o.Queue == 0 {
		o.Queue = 64
	}
}

var shared = sync.OnceValue(func() *Hasher {
	h, err := New(nil)
	if err != nil {
		panic(err) // the defaults are wrong, which a test would have seen
	}
	return h
})

// Default returns the Hasher with the default [Options]. It is the same one on
// every call, so that all handlers of the process share one admission gate.
func Default() *Hasher { return shared() }

// Hash returns the PHC string to store for a new password: argon2id at the
// policy's costs, a random salt of 16 bytes and a tag of 32. Each call has
// another salt, so hashes are compared with [Hasher.Verify], never with ==.
//
// The password is hashed in Unicode Normalization Form C, so that it may be
// typed on a keyboard which composes letters differently; it is not trimmed,
// folded or truncated.
//
// Hash fails with [ErrPassword], with [ErrBusy], or with an error that wraps
// ctx's when ctx is done before a slot is free. No failure costs a hash. A
// hash once begun runs to its end.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	plain, err := normalize(password)
	if err != nil {
		return "", err
	}
	if err := h.gate.enter(ctx); err != nil {
		return "", err
	}
	defer h.gate.leave()
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails: crypto/rand ends the program first
	tag := h.derive(plain, salt, h.policy, tagBytes)
	return (&record{Params: h.policy, salt: salt, tag: tag}).String(), nil
}

// Verify reports whether hash was made of password. With ok, rehash reports
// whether hash differs from what [Hasher.Hash] makes now in any cost or length,
// cheaper or dearer: store a new Hash of the password then.
//
// An empty hash says that there is no such user, or that they have no
// password: the answer is false, false, nil. [ErrPassword] and [ErrHash] are
// answers too; a client must not be able to tell ErrHash from a wrong password.
//
// Every answer costs at least one hash at the policy's costs, so that time tells
// nothing about the account, nor that the password of a disabled one was right. A
// record cheaper than the policy
// is topped up to the policy's work (KiB times passes), within the same slot.
// A dearer one costs what it costs, and one with other Threads may take another
// time for the same work: such accounts can be told apart by time until their
// owners sign in and are rehashed.
//
// [ErrBusy], and an error that wraps ctx's when ctx is done before a slot is
// free, come without any work. A hash once begun runs to its end. Read the
// whole request before calling Verify, so that no slot waits for a slow client.
func (h *Hasher) Verify(ctx context.Context, password, hash string) (ok, rehash bool, err error) {
	if err := h.gate.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.gate.leave()
	plain, rec, err := h.read(password, hash)
	if err != nil || rec == nil {
		h.spend(h.policy.work())
		return false, false, err
	}
	ok = h.matches(plain, rec)
	if policy, own := h.policy.work(), rec.work(); own < policy {
		h.spend(policy - own)
	}
	return ok, ok && h.outdated(rec), nil
}

// Stats is a snapshot of a [Hasher]'s counters since it was made.
type Stats struct {
	Hashes  uint64 // argon2 evaluations begun, top-ups and dummies included
	Work    uint64 // their KiB times passes, summed
	Refused uint64 // ErrBusy answers
	Running int    // slots taken now
	Waiting int    // callers waiting for a slot now
}

// Stats returns the counters. Each is exact, but they are not read at one
// instant.
func (h *Hasher) Stats() Stats {
	refused, running, waiting := h.gate.stats()
	return Stats{
		Hashes:  h.hashes.Load(),
		Work:    h.work.Load(),
		Refused: refused,
		Running: running,
		Waiting: waiting,
	}
}

// read prepares both inputs of Verify. A nil record without an error stands for
// an empty hash.
func (h *Hasher) read(password, hash string) (plain []byte, rec *record, err error) {
	plain, err = normalize(password)
	if err != nil || hash == "" {
		return nil, nil, err
	}
	rec, err = parse(hash, h.limit)
	return plain, rec, err
}

func (h *Hasher) matches(plain []byte, rec *record) bool {
	tag := h.derive(plain, rec.salt, rec.Params, len(rec.tag))
	return subtle.ConstantTimeCompare(tag, rec.tag) == 1
}

func (h *Hasher) outdated(rec *record) bool {
	return rec.Params != h.policy || len(rec.salt) != saltBytes || len(rec.tag) != tagBytes
}

// spend does work of at least the given KiB times passes, and little more, for
// no result. It varies the memory, because the passes and lanes are the
// policy's; work is at most the policy's, and so is the memory.
func (h *Hasher) spend(work uint64) {
	p := h.policy
	step := 4 * uint64(p.Threads)
	memory := ceilDiv(ceilDiv(work, uint64(p.Time)), step) * step
	p.Memory = uint32(max(memory, 2*step))
	h.derive([]byte("dummy password"), make([]byte, saltBytes), p, tagBytes)
}

// derive is the only caller of argon2; the slot is the caller's.
func (h *Hasher) derive(plain, salt []byte, p Params, size int) []byte {
	h.hashes.Add(1)
	h.work.Add(p.work())
	return h.kdf(plain, salt, p.Time, p.Memory, p.Threads, uint32(size))
}

// normalize returns the bytes to hash. Length and encoding come first: the
// normaliser is given neither long nor invalid input. NFC and not NFKC, which
// would make different passwords one.
func normalize(password string) ([]byte, error) {
	if password == "" || len(password) > MaxLength || !utf8.ValidString(password) {
		return nil, ErrPassword
	}
	return norm.NFC.Bytes([]byte(password)), nil
}

// check refuses costs below the minima of RFC 9106 §3.1. They must not reach
// argon2, which panics on zeros and silently raises the memory.
func (p Params) check() error {
	switch {
	case p.Threads < 1:
		return errors.New("field Threads is below 1")
	case p.Time < 1:
		return errors.New("field Time is below 1")
	case p.Memory < 8*uint32(p.Threads):
		return errors.New("field Memory is below 8 KiB for each of Threads")
	}
	return nil
}

// within refuses costs that are over limit in any respect.
func (p Params) within(limit Params) error {
	switch {
	case p.Memory > limit.Memory:
		return errors.New("field Memory is over the limit")
	case p.Time > limit.Time:
		return errors.New("field Time is over the limit")
	case p.Threads > limit.Threads:
		return errors.New("field Threads is over the limit")
	}
	return nil
}

// work is the KiB times passes that argon2 really does: it rounds the memory
// down to a multiple of four per lane (RFC 9106 §3.2, m').
func (p Params) work() uint64 {
	step := 4 * uint64(p.Threads)
	return uint64(p.Memory) / step * step * uint64(p.Time)
}

func ceilDiv(a, b uint64) uint64 { return (a + b - 1) / b }
