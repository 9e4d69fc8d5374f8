package main

import (
	"context"
	"errors"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/passbearer/passbearer"
	"github.com/passbearer/passbearer/mfa"
)

// demoSecret is known to everybody. A real one is random, and kept encrypted:
// totp.Generate makes one where it is given none.
const demoSecret = "a secret of 20 bytes"

const period = 30 // seconds

// authenticators verify the codes of users' authenticators.
type authenticators struct {
	secrets map[string]string // by the user's id
	replays passbearer.ReplayStore
}

// enrol returns the URL that an authenticator reads, as a QR code as a rule.
func (a *authenticators) enrol(user passbearer.User) (url string, err error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "Example", AccountName: user.Name, Secret: []byte(demoSecret), Period: period})
	if err != nil {
		return "", err
	}
	a.secrets[user.ID] = key.Secret()
	return key.URL(), nil
}

// verify takes the codes of the step before and of the one after too, for clocks
// differ, and each of them once.
func (a *authenticators) verify(ctx context.Context, user *passbearer.User, code string) (bool, error) {
	secret, enrolled := a.secrets[user.ID]
	if !enrolled {
		return false, nil
	}
	now := time.Now().Unix() / period
	for step := now - 1; step <= now+1; step++ {
		ok, err := hotp.ValidateCustom(code, uint64(step), secret, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		switch {
		case errors.Is(err, otp.ErrValidateInputInvalidLength):
			return false, nil
		case err != nil:
			return false, err
		case ok:
			return mfa.UseTimeStep(ctx, a.replays, user.ID, step)
		}
	}
	return false, nil
}
