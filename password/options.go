package password

import (
	"errors"
	"fmt"
	"runtime"
)

// Options are the settings of a [Hasher]. The zero value is safe and usual.
type Options struct {
	// Params are the costs of new hashes, and the least that a failed attempt
	// costs. Zero means 19456 KiB (19 MiB), 2 passes and 1 lane, the first
	// choice of OWASP's Password Storage Cheat Sheet.
	Params Params

	// Limit holds the largest costs obeyed in a stored hash, each on its own.
	// A hash over any of them is [ErrHash]. Zero means 131072 KiB (128 MiB),
	// 8 passes and 8 lanes. Memory at its worst is Concurrency times
	// Limit.Memory, which bounds imported scrypt hashes too.
	Limit Params

	// ImportLeast and ImportLimit hold the smallest and the largest costs
	// obeyed in a stored hash of another function than argon2, which was
	// imported. A hash outside of them is [ErrHash]. A field of 0 means its
	// default: bcrypt 8 to 14, PBKDF2 1,000 to 4,000,000, and scrypt 1,024 to
	// 262,144. The largest take about a second, as the largest of Limit do.
	ImportLeast, ImportLimit ImportCosts

	// Peppers are secret keys without which a hash cannot be attacked. The
	// first makes new hashes, all verify. None means hashes without pepper.
	Peppers []Pepper

	// Concurrency is how many hashes may run at once. Zero means one less than
	// runtime.GOMAXPROCS, but at least 1, so that other requests keep a
	// processor while many sign in.
	Concurrency int

	// Queue is how many callers may wait for a slot; those beyond get
	// [ErrBusy]. Zero means 64; a negative number means that none may wait.
	Queue int
}

// Params are the costs of one argon2 hash.
type Params struct {
	Memory  uint32 // KiB, at least 8 for each of Threads
	Time    uint32 // passes over the memory, at least 1
	Threads uint8  // lanes, each a goroutine of its own, at least 1
}

// ImportCosts are costs of functions other than argon2.
type ImportCosts struct {
	Bcrypt uint32 // the logarithm of its rounds, 4 to 31
	PBKDF2 uint32 // iterations, times the blocks that the tag takes of its hash function
	Scrypt uint32 // KiB, N·r/8, times its parallelization p
}

// bounds are what a stored hash may cost.
type bounds struct {
	limit       Params
	least, most ImportCosts
}

// fill puts the defaults in the place of zeros.
func (o *Options) fill() {
	if o.Params == (Params{}) {
		o.Params = Params{Memory: 19 * 1024, Time: 2, Threads: 1}
	}
	if o.Limit == (Params{}) {
		o.Limit = Params{Memory: 128 * 1024, Time: 8, Threads: 8}
	}
	o.ImportLeast.fill(ImportCosts{Bcrypt: 8, PBKDF2: 1000, Scrypt: 1024})
	o.ImportLimit.fill(ImportCosts{Bcrypt: 14, PBKDF2: 4_000_000, Scrypt: 256 * 1024})
	if o.Concurrency == 0 {
		o.Concurrency = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if o.Queue == 0 {
		o.Queue = 64
	}
}

func (c *ImportCosts) fill(with ImportCosts) {
	if c.Bcrypt == 0 {
		c.Bcrypt = with.Bcrypt
	}
	if c.PBKDF2 == 0 {
		c.PBKDF2 = with.PBKDF2
	}
	if c.Scrypt == 0 {
		c.Scrypt = with.Scrypt
	}
}

// check returns an error that says what to mend.
func (o *Options) check() error {
	if err := o.Params.check(); err != nil {
		return fmt.Errorf("password: Options.Params: %w", err)
	}
	if err := o.Params.within(o.Limit); err != nil {
		return fmt.Errorf("password: Options.Params: %w: raise Options.Limit or lower Options.Params", err)
	}
	least, most := o.ImportLeast, o.ImportLimit
	if least.Bcrypt > most.Bcrypt || least.PBKDF2 > most.PBKDF2 || least.Scrypt > most.Scrypt {
		return errors.New("password: Options.ImportLeast is over Options.ImportLimit: raise the one or lower the other")
	}
	if o.Concurrency < 0 {
		return errors.New("password: Options.Concurrency is negative: use 0 for the default")
	}
	return checkPeppers(o.Peppers)
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
