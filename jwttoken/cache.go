package jwttoken

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/internal/mac"
)

// cache remembers verified tokens by a tag of all their bytes. It keeps neither a token nor a signature, so
// there is nothing in it that could be presented, and nothing gets in before it is verified, so there is
// nothing that a stranger could crowd out. It is read without a lock.
type cache struct {
	tags  sync.Pool                  // of *tagger
	slots []atomic.Pointer[verified] // a power of two, in groups of ways
}

// ways is how many slots a tag may be in.
const ways = 4

// verified is a token that was verified completely. It does not change.
type verified struct {
	tag     tag
	version uint64 // of the key set
	dates   dates
	claims  passbearer.Claims
}

func newCache(size int) *cache {
	slots := ways
	for slots < size {
		slots *= 2
	}
	c := &cache{slots: make([]atomic.Pointer[verified], slots)}
	c.tags.New = newTaggers(hasGCM())
	return c
}

func (c *cache) tag(token string) tag {
	t := c.tags.Get().(*tagger)
	defer c.tags.Put(t)
	return t.of(token)
}

// slot returns the i-th place to look for t. Where the search begins is up to the tag too, so that most
// tokens are found at once.
func (c *cache) slot(t tag, i uint64) *atomic.Pointer[verified] {
	group := t.lo % uint64(len(c.slots)/ways) * ways
	return &c.slots[group+(t.hi+i)%ways]
}

// find returns the token with that tag if a set of that version has verified it.
func (c *cache) find(t tag, version uint64) *verified {
	for i := range uint64(ways) {
		if v := c.slot(t, i).Load(); v != nil && v.tag.equals(t) && v.version == version {
			return v
		}
	}
	return nil
}

// add takes the place of a token that is over, or else of the one that is found first.
func (c *cache) add(v *verified, now int64) {
	place := c.slot(v.tag, 0)
	for i := range uint64(ways) {
		s := c.slot(v.tag, i)
		if old := s.Load(); old == nil || old.tag.equals(v.tag) || old.version != v.version || milliseconds(old.dates.expiry) <= now {
			place = s
			break
		}
	}
	place.Store(v)
}

// tag stands for a token: 128 bits that nobody outside this process can compute or sees.
type tag struct{ lo, hi uint64 }

// equals takes the same time for all tags.
func (t tag) equals(u tag) bool { return (t.lo^u.lo)|(t.hi^u.hi) == 0 }

// tagger computes tags: AES(GMAC(token)), the two under random keys of this process. GMAC is GCM without a
// plaintext (NIST SP 800-38D), here with a nonce that does not change: its tags are a universal hash of the
// token as long as none gets out, and the second encryption sees to that no relation between two of them
// could be seen. Where there is no GCM to be had for this, a tag is a part of an HMAC.
type tagger struct {
	gmac  cipher.AEAD
	block cipher.Block
	mac   *mac.Key // in the place of both
	nonce [12]byte
	out   [mac.Size]byte
}

func (t *tagger) of(token string) tag {
	if t.mac != nil {
		t.out = t.mac.Sum(token)
	} else {
		t.gmac.Seal(t.out[:0], t.nonce[:], nil, bytesOf(token))
		t.block.Encrypt(t.out[:], t.out[:])
	}
	return tag{binary.LittleEndian.Uint64(t.out[:]), binary.LittleEndian.Uint64(t.out[8:])}
}

// newTaggers returns a function that makes taggers with the same keys.
func newTaggers(gcm bool) func() any {
	var keys [32]byte
	_, _ = rand.Read(keys[:]) // never returns an error
	if gcm {
		first, err1 := aes.NewCipher(keys[:16])
		block, err2 := aes.NewCipher(keys[16:])
		if err1 == nil && err2 == nil {
			if gmac, err := cipher.NewGCM(first); err == nil { // an error in the strict mode of FIPS 140-3
				return func() any { return &tagger{gmac: gmac, block: block} }
			}
		}
	}
	key := mac.NewKey(keys[:])
	return func() any { return &tagger{mac: key} }
}

// hasGCM reports whether Go has GCM in hardware here; elsewhere it is slower than HMAC, and its time depends
// on the key.
func hasGCM() bool {
	switch runtime.GOARCH {
	case "amd64", "arm64", "ppc64le", "s390x":
		return true
	}
	return false
}
