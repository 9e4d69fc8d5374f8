package jwttoken

import "math/big"

// isROCA reports whether n was made by the chips whose primes are a multiple of M plus a power of 65537
// modulo M, M being the product of the first primes (Nemec et al., The Return of Coppersmith's Attack,
// 2017). Such an n is a power of 65537 modulo each of these primes, which for another number is a chance of
// less than one in 2^27.
func isROCA(n *big.Int) bool {
	var r, p big.Int
	for prime := int64(3); prime <= 167; prime += 2 {
		if p.SetInt64(prime).ProbablyPrime(0) && !isPowerOf65537(r.Mod(n, &p).Int64(), prime) {
			return false
		}
	}
	return true
}

func isPowerOf65537(n, prime int64) bool {
	power := int64(1)
	for range prime {
		if power == n {
			return true
		}
		power = power * 65537 % prime
	}
	return false
}
