package mfa

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"github.com/passbearer/passbearer"
)

// stepMemory is longer than a code is taken: for steps of 60 s, four before and four
// after now.
const stepMemory = 10 * time.Minute

// UseTimeStep reports whether it is the first time that a user's code of a time step
// is taken: what a [VerifyFunc] asks when a TOTP code was right, and before it says so
// (RFC 6238 §5.2). The step is the number that the code is of, seconds since 1970 by
// 30 as a rule, and not the one of now. It is remembered for 10 minutes. An error is
// one for the VerifyFunc to return.
func UseTimeStep(ctx context.Context, replays passbearer.ReplayStore, userID string, step int64) (first bool, err error) {
	sum := sha256.Sum256([]byte(strconv.FormatInt(step, 10) + " " + userID)) // which may hold anything
	first, err = replays.UseOnce(ctx, "totp:"+encoding.EncodeToString(sum[:]), stepMemory)
	if err != nil {
		return false, fmt.Errorf("mfa: use a time step: %w", err)
	}
	return first, nil
}
