// Package throttle bounds how often somebody may guess at passwords.
//
// A passbearer.TokenHandler has a [Limiter] of its own, in memory: each process counts
// for itself, and begins anew when it starts. Make one with [New] for a service behind
// proxies, for several processes that share a [Store], or for other limits, and hand
// it to all the handlers of the same users.
//
// An attempt is reserved before the password is hashed, so that many at once get
// no more than one after the other. It is given back when the password was right,
// or when nothing was hashed; nothing else is ever reset. It counts
//
//   - for the account, by its canonical name, known or not: 25 at once and one
//     more every 10 hours, which is 97 in any 30 days and so within the 100
//     consecutive failures of NIST SP 800-63B-4 §3.2.2;
//   - for the address: 100 at once and one more every 10 seconds;
//   - for the network, an IPv4 /24 or an IPv6 /64: 300 at once and one more every
//     3 seconds.
//
// The same wrong password for the same account from the same address counts once
// in 10 seconds, from answer to answer, for the account, since some clients post every
// sign-in twice. The address, the network and a known device pay each time, for each
// one is a hash.
//
// # Devices
//
// Whoever knows a name can use up its account's allowance. So that this locks nobody
// out, a sign-in that succeeds leaves a token in a cookie, [DeviceCookie]. An attempt
// with it counts for the device alone: not for the account, the address or the
// network. The token is bound to the user and their epoch, so a changed password,
// disabling the user and signing out everywhere void it, and it lives for
// [DeviceLifetime] from the last sign-in. All devices of a user share 8 such allowances,
// of 25 at once and one more every 10 hours; with its allowance used up, a device is
// a stranger like any other. A cookie has the tokens of the last 4 users who signed in
// with it. A client without a cookie jar keeps the cookie's name and value, and
// sends them in the header Cookie.
//
// Whoever is signed in and changes their password has an allowance of that kind too.
//
// # Memory
//
// A counter is one number, in a cell that a keyed hash chooses. A [Memory] has 2^18 of
// each kind, in 4 MiB that are taken page by page: 16 MiB for all four. No flood makes it
// forget: where there is no room, a newcomer goes on from the smallest count that is
// there. A million failures of as many names throttle nobody else. With 40,000 accounts
// used up at once, by a million failures within 10 hours, an innocent one is throttled
// with a probability of 10^-8, and with 100,000 of them it is one in 1,600; from six
// million failures on, all are whose device is not known. How many there can be is up
// to how fast passwords are hashed, and to how many networks an attacker has: whoever
// was given an IPv6 /48 has 65,536.
//
// In a database a counter is a row, for each account, address and network that has
// tried since its allowance was whole: no more than attempts were let through, and no
// more than [Options.Cells] of each kind. What is idle is removed. Who have the same
// cell share its count: with the default, a probability of 6 * 10^-8 for each account
// that is used up.
//
// # Faults
//
// Without its Store nobody signs in: the answer is 503, and sessions go on. It does
// not fall back on memory, where each process would allow the limit once more. An
// attempt whose process was killed stays counted. A refresh token is not throttled: it
// cannot be guessed, and a forged one costs next to nothing.
//
// # Giving allowances back
//
// An operator may remove counters at any time: one that is not there is a whole
// allowance. A cell's number is a hash below 2^28 and its kind times 2^32: 0 is an
// account, 1 an address, 2 a network and 3 a device. These statements, with the Schema
// and the Prefix of the store where it has others, remove addresses and networks; in
// Redis they are the numbers of ten digits (in a cluster on the server that has them).
//
//	DELETE FROM passbearer.throttle WHERE cell IN (SELECT cell FROM passbearer.throttle
//		WHERE cell >> 32 IN (1, 2) ORDER BY cell FOR UPDATE);
//	redis-cli --scan --pattern '{passbearer:0}:t:??????????' | xargs -r redis-cli unlink
//
// The rows are locked in their order: in another one there would be deadlocks with
// attempts. With the default limits these allowances are whole again by themselves
// within 17 minutes, also that of a proxy that was not listed; an account's takes 250
// hours. One account cannot be picked out, because its cell is a keyed hash, and to
// remove all of kind 0 gives whoever is guessing 25 more attempts at each.
//
// Out of scope: captchas, banning addresses, and guessing at secrets of clients,
// which have 128 bits.
package throttle
