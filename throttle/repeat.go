package throttle

import (
	"crypto/rand"
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/passbearer/passbearer/internal/mac"
)

const (
	repeatWindow = 10 * time.Second
	repeatSlots  = 8192
)

// repeats remembers for a while the last wrong password of an account from an
// address, as 32 bits of an HMAC under a key of this process alone. Who shares a
// slot is forgotten, which only counts a repeat twice.
type repeats struct {
	seed  maphash.Seed
	key   *mac.Key
	count atomic.Uint64 // of the failures that were remembered
	mu    sync.Mutex
	slots []repeatSlot
}

type repeatSlot struct {
	tag    uint32
	number uint64 // its place among all that were remembered
	until  time.Time
}

func newRepeats() *repeats {
	var secret [mac.Size]byte
	rand.Read(secret[:])
	return &repeats{seed: maphash.MakeSeed(), key: mac.NewKey(secret[:])}
}

// again reports whether a wrong password was remembered already when count was before, and remembers it if not.
func (r *repeats) again(account string, from netip.Addr, password string, before uint64, now time.Time) bool {
	address := from.String()
	var slot maphash.Hash // says nothing of the password
	slot.SetSeed(r.seed)
	slot.WriteString(address)
	slot.WriteByte(' ')
	slot.WriteString(account)
	sum := r.key.Sum(address, " ", strconv.Itoa(len(account)), " ", account, password)
	tag := binary.BigEndian.Uint32(sum[:])

	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slots == nil {
		r.slots = make([]repeatSlot, repeatSlots)
	}
	last := &r.slots[slot.Sum64()%repeatSlots]
	if last.tag == tag && now.Before(last.until) {
		return last.number <= before
	}
	*last = repeatSlot{tag, r.count.Add(1), now.Add(repeatWindow)}
	return false
}
