package password

// KDF is the shape of argon2.IDKey.
type KDF = func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte

// SetKDF puts f in the place of argon2, before h is used.
func (h *Hasher) SetKDF(f KDF) { h.kdf = f }

// Reencode parses s and encodes what was read.
func Reencode(s string, limit Params) (string, error) {
	r, err := parse(s, limit)
	if err != nil {
		return "", err
	}
	return r.String(), nil
}
