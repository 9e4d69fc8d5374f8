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
// # Hashes of other libraries
//
// Users can be brought along with the hashes they have. Verify also takes those
// below, and its rehash result says to replace them, so that each is an argon2id
// hash after its owner's next sign-in. There is nothing to switch on.
//
//   - argon2id and argon2i of version 19: argon2-cffi, pwdlib, passlib
//   - bcrypt ($2a$, $2b$, $2y$), and passlib's bcrypt_sha256
//   - PBKDF2 and scrypt of passlib: $pbkdf2$, $pbkdf2-sha256$, $pbkdf2-sha512$,
//     $scrypt$
//   - Django's argon2, bcrypt, bcrypt_sha256, pbkdf2_sha1, pbkdf2_sha256 and scrypt
//   - Spring Security's {argon2}, {bcrypt}, {pbkdf2} and {scrypt}, the same with
//     @SpringSecurity_v5_8 and without a secret of the application, and scrypt
//     without an id ($e0801$)
//
// All else is [ErrHash]: plain text ({noop}), MD5, SHA-1 and SHA-256 in
// whatever wrapping, crypt(3); and a hash too cheap or too dear, see
// [Options.ImportLimit].
//
// These libraries hash a password as it was typed, so it is not normalised for
// their hashes. A plain argon2id hash may be theirs or one made here, and is
// taken for the latter: letters that were typed decomposed do not match there.
//
// bcrypt reads 72 bytes of a password and ignores the rest, as passlib and others
// did when the password was set. A longer one does not match a bcrypt hash
// here ([ErrPassword]): nobody has ever checked what comes after, and the hash
// that replaces it would make it the password, whatever it was. Its owner
// has to set a new one. Nor does a password with a NUL match any hash but
// argon2's, for there it can stand for another password.
//
// # Choosing a password
//
// [Policy] has the rules for a new password, to ask at sign-up and not at sign-in.
// Out of scope are limits on attempts.
package password

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
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
	// valid UTF-8, or is one that an imported hash cannot tell from others:
	// over 72 bytes for bcrypt, or with a NUL.
	ErrPassword = errors.New("password: not 1 to 1024 bytes of valid UTF-8")

	// ErrHash means that the stored hash is malformed, of an unsupported kind,
	// or outside of the costs in [Options]. The error that wraps it says which,
	// and never quotes the hash.
	ErrHash = errors.New("password: unusable stored hash")

	// ErrBusy means that every slot is taken and the queue is full. No work
	// was done. An HTTP handler answers 503 with Retry-After.
	ErrBusy = errors.New("password: too many hashes at once")
)

// Hasher hashes and verifies passwords at one policy and behind one admission
// gate. It is safe for concurrent use. Make one for the
// process with [New], or take [Default]: two Hashers are two gates, which
// together admit twice as much.
//
// It has the garbage collector take back the memory of hashes, for about a
// tenth of their time: after each where that is enough, as with one slot and a
// small heap, and not at all where the process's own heap is over four times as large
// as a hash, or with GOGC=off.
type Hasher struct {
	policy  Params
	bounds  bounds
	peppers []pepper
	decoy   string // a record at the policy's costs, of no password
	gate    *gate
	hashes  atomic.Uint64
	work    atomic.Uint64
	imports atomic.Uint64
	garbage collector

	// kdf is argon2.IDKey and kdfI is argon2.Key, but for tests that count,
	// block or panic.
	kdf, kdfI kdf
}

type kdf = func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte

// New returns a Hasher; nil options mean the defaults. The error says what to
// mend: costs below argon2's minimum or over their limit, a pepper without id or
// with a short key, or a negative Concurrency.
func New(opts *Options) (*Hasher, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	o.fill()
	if err := o.check(); err != nil {
		return nil, err
	}
	h := &Hasher{
		policy:  o.Params,
		bounds:  bounds{o.Limit, o.ImportLeast, o.ImportLimit},
		peppers: newPeppers(o.Peppers),
		gate:    newGate(o.Concurrency, o.Queue),
		garbage: collector{gc: runtime.GC, hash: uint64(o.Params.Memory) * 1024},
		kdf:     argon2.IDKey,
		kdfI:    argon2.Key,
	}
	h.decoy = h.newDecoy()
	return h, nil
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
	r := &record{Params: h.policy, keyid: h.peppers[0].id, salt: make([]byte, saltBytes)}
	if plain, err = h.pepper(plain, r.keyid); err != nil {
		return "", err
	}
	if err := h.gate.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave(time.Now())
	rand.Read(r.salt) // never fails: crypto/rand ends the program first
	r.tag = h.derive(h.kdf, plain, r.salt, r.Params, tagBytes)
	return r.String(), nil
}

// Verify reports whether hash was made of password. With ok, rehash reports
// whether hash differs from what [Hasher.Hash] makes now in its function, its
// pepper, any cost or length, cheaper or dearer: store a new Hash of the password
// then.
//
// An empty hash says that there is no such user, or that they have no
// password: the answer is false, false, nil. [ErrPassword] and [ErrHash] are
// answers too; a client must not be able to tell ErrHash from a wrong password.
// [ErrPepper] is no answer, but a fault to be mended.
//
// Every answer costs at least one hash at the policy's costs, so that time tells
// nothing about the account, nor that the password of a disabled one was right. An
// argon2 hash cheaper than the policy is topped up to the policy's work (KiB
// times passes), within the same slot. A dearer one costs what it costs, and
// one with other Threads may take another time for the same work. A hash of
// another function costs its own time and a hash at the policy's costs besides.
// All these accounts can be told apart by time until their owners sign in and are
// rehashed.
//
// [ErrBusy], and an error that wraps ctx's when ctx is done before a slot is
// free, come without any work. A hash once begun runs to its end. Read the
// whole request before calling Verify, so that no slot waits for a slow client.
func (h *Hasher) Verify(ctx context.Context, password, hash string) (ok, rehash bool, err error) {
	if err := h.gate.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.leave(time.Now())
	ok, rehash, done, err := h.check(password, hash)
	if policy := h.policy.work(); done < policy {
		h.spend(policy - done)
	}
	return ok, rehash, err
}

// Ready fails with [ErrBusy] where a hash would be refused now. Ask it before I/O that a
// refusal would waste; [Stats] counts it among the refused.
func (h *Hasher) Ready() error { return h.gate.ready() }

// check is Verify but for the work that is missing; done is what there was.
func (h *Hasher) check(password, hash string) (ok, rehash bool, done uint64, err error) {
	plain, err := normalize(password)
	if err != nil {
		return false, false, 0, err
	}
	rec, unusable := parse(cmp.Or(hash, h.decoy), &h.bounds)
	if unusable != nil {
		rec, _ = parse(h.decoy, &h.bounds)
	}
	switch ok, err = rec.matches(h, input{password, plain}); {
	case unusable != nil:
		return false, false, rec.work(), unusable
	case err != nil:
		return false, false, 0, err
	case hash == "":
		return false, false, rec.work(), nil
	}
	return ok, ok && rec.outdated(h), rec.work(), nil
}

// newDecoy returns the record that stands for a hash which is not there, or
// cannot be used: a wrong password for it takes the same steps, reading the
// record and mixing in the pepper among them, as one for a hash that [Hasher.Hash]
// makes. Salt and tag are random.
func (h *Hasher) newDecoy() string {
	r := &record{Params: h.policy, keyid: h.peppers[0].id, salt: make([]byte, saltBytes), tag: make([]byte, tagBytes)}
	rand.Read(r.salt)
	rand.Read(r.tag)
	return r.String()
}

// Stats is a snapshot of a [Hasher]'s counters since it was made.
type Stats struct {
	Hashes  uint64 // argon2 evaluations begun, top-ups and dummies included
	Work    uint64 // their KiB times passes, summed
	Refused uint64 // ErrBusy answers
	Imports uint64 // hashes of other functions than argon2 that were checked
	Running int    // slots taken now
	Waiting int    // callers waiting for a slot now
}

// Stats returns the counters. Each is exact, but they are not read at one
// instant.
func (h *Hasher) Stats() Stats {
	return Stats{
		Hashes:  h.hashes.Load(),
		Work:    h.work.Load(),
		Refused: h.gate.refused.Load(),
		Imports: h.imports.Load(),
		Running: len(h.gate.slots),
		Waiting: int(h.gate.waiting.Load()),
	}
}

// spend does work of at least the given KiB times passes, and little more, for
// no result. It varies the memory, because the passes and lanes are the
// policy's; work is at most the policy's, and so is the memory.
func (h *Hasher) spend(work uint64) {
	p := h.policy
	step := 4 * uint64(p.Threads)
	memory := ceilDiv(ceilDiv(work, uint64(p.Time)), step) * step
	p.Memory = uint32(max(memory, 2*step))
	h.derive(h.kdf, []byte("dummy password"), make([]byte, saltBytes), p, tagBytes)
}

// leave gives back a slot that was taken at that time.
func (h *Hasher) leave(taken time.Time) {
	h.garbage.hashed(time.Since(taken), len(h.gate.slots))
	h.gate.leave()
}

// derive is the only caller of argon2; the slot is the caller's.
func (h *Hasher) derive(f kdf, plain, salt []byte, p Params, size int) []byte {
	h.hashes.Add(1)
	h.work.Add(p.work())
	return f(plain, salt, p.Time, p.Memory, p.Threads, uint32(size))
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

func ceilDiv(a, b uint64) uint64 { return (a + b - 1) / b }
