package password

// KDF is the shape of argon2.IDKey.
type KDF = kdf

// SetKDF puts f in the place of argon2, before h is used.
func (h *Hasher) SetKDF(f KDF) { h.kdf, h.kdfI = f, f }

// Reencode parses s, a PHC string, and encodes what was read.
func Reencode(s string, limit Params) (string, error) {
	rec, err := parse(s, &bounds{limit: limit})
	if err != nil {
		return "", err
	}
	r, ok := rec.(*record)
	if !ok {
		return "", ErrHash
	}
	return r.String(), nil
}

// Parse reads s as h does before any work.
func (h *Hasher) Parse(s string) error {
	_, err := parse(s, &h.bounds)
	return err
}

// SetGC puts f in the place of runtime.GC, before h is used.
func (h *Hasher) SetGC(f func()) { h.garbage.gc = f }
