package throttle

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"sync"
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
	key   *mac.Key
	mu    sync.Mutex
	slots []repeatSlot
}

type repeatSlot struct {
	tag   uint32
	until time.Time
}

func newRepeats() *repeats {
	var secret [mac.Size]byte
	rand.Read(secret[:])
	return &repeats{key: mac.NewKey(secret[:])}
}

// mark is where an attempt is remembered, and as what.
type mark struct{ slot, tag uint32 }

func (r *repeats) mark(account, address, password string) mark {
	slot := r.key.Sum(address, " ", account) // says nothing of the password
	tag := r.key.Sum(address, " ", strconv.Itoa(len(account)), " ", account, password)
	return mark{binary.BigEndian.Uint32(slot[:]) % repeatSlots, binary.BigEndian.Uint32(tag[:])}
}

func (r *repeats) known(m mark, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.slots != nil && r.slots[m.slot].tag == m.tag && now.Before(r.slots[m.slot].until)
}

func (r *repeats) remember(m mark, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.slots == nil {
		r.slots = make([]repeatSlot, repeatSlots)
	}
	r.slots[m.slot] = repeatSlot{m.tag, now.Add(repeatWindow)}
}
