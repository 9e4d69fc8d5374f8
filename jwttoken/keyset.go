package jwttoken

import (
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Keys is a set of keys: all verify, and the first signs, until the time of another has come
// ([Key.SignsFrom]). [Keys.Set] changes it for all that use it. It may be used concurrently. Make it with
// [NewKeys]; the zero Keys is refused.
type Keys struct {
	current *atomic.Pointer[keySet]
}

// NewKeys makes a set. The package's comment says how to replace a key.
//
// Symmetric and asymmetric keys don't mix: who may verify with a shared secret may also sign.
func NewKeys(keys ...Key) (*Keys, error) {
	set, err := newKeySet(keys)
	if err != nil {
		return nil, fmt.Errorf("jwttoken: new keys: %w", err)
	}
	return keysOf(set), nil
}

// EphemeralKeys returns a set of one new ES256 key that lives as long as the process, for first steps
// and tests: after a restart no token issued before is valid, nor one of another process.
func EphemeralKeys() *Keys {
	key, err := GenerateKey(ES256)
	if err != nil {
		panic(err) // crypto/rand would have ended the program first
	}
	set, err := newKeySet([]Key{key})
	if err != nil {
		panic(err) // one key is a set
	}
	return keysOf(set)
}

func keysOf(set *keySet) *Keys {
	k := &Keys{new(atomic.Pointer[keySet])}
	k.current.Store(set)
	return k
}

// Set replaces all keys at once, for every issuer and verifier that was made with k. What it returns holds
// for the next token: one that a removed key has signed is refused, be it cached or not. The rules are
// those of [NewKeys]; besides, the first key stays private if the one before was, so that an issuer does
// not lose its voice. After an error the set is as before.
func (k *Keys) Set(first Key, more ...Key) error {
	if k == nil || k.current == nil {
		return errors.New("jwttoken: set keys: the set is zero; make it with NewKeys")
	}
	set, err := newKeySet(append([]Key{first}, more...))
	if err != nil {
		return fmt.Errorf("jwttoken: set keys: %w", err)
	}
	if set.first.private == nil && k.current.Load().first.private != nil {
		return errors.New("jwttoken: set keys: the first key is public and cannot sign as the one before could")
	}
	k.current.Store(set)
	return nil
}

// load returns nil for a set that was not made by NewKeys.
func (k *Keys) load() *keySet {
	if k == nil || k.current == nil {
		return nil
	}
	return k.current.Load()
}

// keySet is what Keys holds at one time. It does not change.
type keySet struct {
	version   uint64 // another one for each set, so that what a set has verified can be told apart
	first     *material
	signers   []Key // the private ones, by the time from which they sign
	byID      map[string]*material
	published func() jwkSet // made when it is first asked for
	heads     heads
}

var versions atomic.Uint64

func newKeySet(keys []Key) (*keySet, error) {
	if len(keys) == 0 {
		return nil, errors.New("the set is empty")
	}
	set := &keySet{version: versions.Add(1), first: keys[0].m, byID: make(map[string]*material, len(keys))}
	for _, k := range keys {
		if k.m == nil {
			return nil, errors.New("a key is the zero Key; make it with NewKey")
		}
		if _, dup := set.byID[k.m.id]; dup {
			return nil, fmt.Errorf("two keys have the id %q", k.m.id)
		}
		if (k.m.alg == HS256) != (set.first.alg == HS256) {
			return nil, errors.New("symmetric and asymmetric keys are mixed")
		}
		set.byID[k.m.id] = k.m
	}
	set.signers = signersOf(keys)
	keys = slices.Clone(keys) // the caller's
	set.published = sync.OnceValue(func() jwkSet { return newJWKSet(keys) })
	set.heads.seed = maphash.MakeSeed()
	return set, nil
}

// signersOf returns the private keys by time, the first alone of those with the same time.
func signersOf(keys []Key) []Key {
	signers := slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return k.m.private == nil })
	slices.SortStableFunc(signers, func(a, b Key) int { return a.from.Compare(b.from) })
	return slices.CompactFunc(signers, func(a, b Key) bool { return a.from.Equal(b.from) })
}

// signer returns the key that signs at that time, of a set with a private key.
func (s *keySet) signer(now time.Time) *material {
	i := len(s.signers) - 1
	for i > 0 && s.signers[i].from.After(now) {
		i--
	}
	return s.signers[i].m
}

// find returns the key with the id. Without an id there must be no choice: trying each key would let
// the token pick one.
func (s *keySet) find(id, alg string) (*material, error) {
	key := s.byID[id]
	if id == "" && len(s.byID) == 1 {
		key = s.first
	}
	if key == nil {
		return nil, errKeyID
	}
	if alg != string(key.alg) {
		return nil, errAlgorithm
	}
	return key, nil
}

// heads remembers the headers of tokens whose signature has verified. An issuer spells the header of all
// tokens of one key alike, so it need not be decoded again. The slots are fixed and read without a lock;
// two headers that share one take turns.
type heads struct {
	seed  maphash.Seed
	slots [256]atomic.Pointer[head]
}

// head is a header segment and what it says.
type head struct {
	segment string
	typ     string
	key     *material
}

const maxHead = 512 // bytes of a header segment that is remembered

func (h *heads) slot(segment string) *atomic.Pointer[head] {
	return &h.slots[maphash.String(h.seed, segment)%uint64(len(h.slots))]
}

func (h *heads) find(segment string) *head {
	if known := h.slot(segment).Load(); known != nil && known.segment == segment {
		return known
	}
	return nil
}

// add copies the segment, which is a part of a token.
func (h *heads) add(segment string, verified *head) {
	if len(segment) <= maxHead {
		verified.segment = strings.Clone(segment)
		h.slot(segment).Store(verified)
	}
}
