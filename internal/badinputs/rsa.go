package badinputs

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"slices"
)

// The object identifiers of hash functions, in DER.
var (
	oidSHA256 = []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01}
	oidSHA384 = []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02}
	oidSHA512 = []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03}
	oidSHA224 = []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04}
	oidSHA1   = []byte{0x2b, 0x0e, 0x03, 0x02, 0x1a}
	oidMD5    = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05}
)

const rsaSize = 256 // bytes of the modulus

// der is one value: short lengths alone.
func der(tag byte, parts ...[]byte) []byte {
	value := slices.Concat(parts...)
	return append([]byte{tag, byte(len(value))}, value...)
}

var null = []byte{5, 0}

// digestInfo is that of RFC 8017 §9.2.
func digestInfo(oid, digest []byte) []byte {
	return der(0x30, der(0x30, der(6, oid), null), der(4, digest))
}

// padding is EMSA-PKCS1-v1_5.
func padding(oid, digest []byte) []byte { return filled(digestInfo(oid, digest)) }

func filled(info []byte) []byte {
	out := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, rsaSize-3-len(info))...)
	return append(append(out, 0), info...)
}

// badPaddings are like the right one, but for what lax readers overlook.
func badPaddings(digest []byte) (all [][]byte) {
	info := digestInfo(oidSHA256, digest)
	good := filled(info)
	for i := range good { // each byte is another one
		bad := slices.Clone(good)
		bad[i] ^= byte(1 + i%255)
		all = append(all, bad)
	}
	for _, oid := range [][]byte{oidSHA384, oidSHA512, oidSHA224, oidSHA1, oidMD5, nil} {
		all = append(all, padding(oid, digest))
	}
	long := func(tag byte, value []byte) []byte { // lengths in BER
		return append([]byte{tag, 0x81, byte(len(value))}, value...)
	}
	longer := func(tag byte, value []byte) []byte { return append([]byte{tag, 0x82, 0, byte(len(value))}, value...) }
	algorithm := der(0x30, der(6, oidSHA256), null)
	for _, info := range [][]byte{
		digest,
		der(4, digest),
		der(0x30, der(0x30, der(6, oidSHA256)), der(4, digest)), // no parameters
		der(0x30, der(0x30, der(6, oidSHA256), der(5, []byte{0})), der(4, digest)),
		der(0x30, der(0x30, der(6, oidSHA256), null, null), der(4, digest)),
		der(0x30, der(0x30, der(6, oidSHA256), der(0x30)), der(4, digest)),
		der(0x30, der(0x30, null, der(6, oidSHA256)), der(4, digest)),
		der(0x30, der(4, digest), algorithm),
		der(0x30, algorithm),
		der(0x30, algorithm, der(4)),
		der(0x30, algorithm, der(4, digest), null),
		der(0x30, algorithm, der(4, digest[:31])),
		der(0x30, algorithm, der(4, digest, []byte{0})),
		der(0x30, algorithm, der(4, digest, digest)),
		der(0x30, algorithm, der(3, digest)),
		der(0x31, algorithm, der(4, digest)),
		long(0x30, slices.Concat(algorithm, der(4, digest))),
		longer(0x30, slices.Concat(algorithm, der(4, digest))),
		der(0x30, long(0x30, slices.Concat(der(6, oidSHA256), null)), der(4, digest)),
		der(0x30, der(0x30, long(6, oidSHA256), null), der(4, digest)),
		der(0x30, algorithm, long(4, digest)),
		der(0x30, algorithm, longer(4, digest)),
		slices.Concat([]byte{0x30, 0x80}, algorithm, der(4, digest), []byte{0, 0}), // without a length
		slices.Concat(info, []byte{0}),
		slices.Concat(info, null),
		slices.Concat(info, info),
		slices.Concat([]byte{0}, info),
	} {
		all = append(all, filled(info))
	}
	// Bleichenbacher's forgery of 2006: less padding, and garbage behind.
	for fill := range 16 {
		bad := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, fill*8)...)
		bad = slices.Concat(bad, []byte{0}, info)
		all = append(all, append(bad, bytes.Repeat([]byte{0x55}, rsaSize-len(bad))...))
	}
	for _, block := range []byte{0, 2, 3, 0xff} {
		bad := slices.Clone(good)
		bad[1] = block
		all = append(all, bad)
	}
	return all
}

// rawRSA is m^d, whatever m is, but for what is beyond the modulus.
func (k *keyring) rawRSA(encoded []byte) []byte {
	m := new(big.Int).SetBytes(encoded)
	m.Mod(m, k.rsa.N)
	p := k.rsa.Precomputed
	m1 := new(big.Int).Exp(m, p.Dp, k.rsa.Primes[0])
	m2 := new(big.Int).Exp(m, p.Dq, k.rsa.Primes[1])
	m1.Sub(m1, m2).Mul(m1, p.Qinv).Mod(m1, k.rsa.Primes[0])
	return m1.Mul(m1, k.rsa.Primes[1]).Add(m1, m2).FillBytes(make([]byte, rsaSize))
}

// weakRSA are keys that must not be taken.
func (c *stage) weakRSA() map[string]any {
	modulus := func(bits int) *big.Int { // whose factors do not matter
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
		return n.Add(n, must(rand.Prime(rand.Reader, 100)))
	}
	keys := map[string]any{"nil": (*rsa.PublicKey)(nil), "nil, private": (*rsa.PrivateKey)(nil),
		"no modulus": &rsa.PublicKey{E: 65537}, "a modulus of 0": &rsa.PublicKey{N: new(big.Int), E: 65537},
		"a negative modulus": &rsa.PublicKey{N: new(big.Int).Neg(c.rsa.N), E: 65537}}
	for _, bits := range []int{512, 768, 1024, 1536, 2046} {
		keys[big.NewInt(int64(bits)).String()+" bits"] = &rsa.PublicKey{N: modulus(bits), E: 65537}
	}
	for _, e := range []int{-1, 0, 1, 2, 4, 65536} {
		keys["e="+big.NewInt(int64(e)).String()] = &rsa.PublicKey{N: c.rsa.N, E: e}
	}
	keys["ROCA"] = &rsa.PublicKey{N: rocaModulus(), E: 65537}
	private := *c.rsa
	private.E = 1
	keys["a private key with e=1"] = &private
	return keys
}

// rocaModulus is as the chips of CVE-2017-15361 make them: a power of 65537, modulo
// the product of the first 126 primes.
func rocaModulus() *big.Int {
	m := big.NewInt(1)
	for prime, found := int64(2), 0; found < 126; prime++ {
		if p := big.NewInt(prime); p.ProbablyPrime(0) {
			m.Mul(m, p)
			found++
		}
	}
	n := new(big.Int).Exp(big.NewInt(65537), must(rand.Prime(rand.Reader, 100)), m)
	factor := new(big.Int).Lsh(big.NewInt(3), uint(2046-m.BitLen()))
	return n.Add(n, factor.Mul(factor, m))
}
