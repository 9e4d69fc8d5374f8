package dpop

import "time"

// NewReplays makes a store with a lower limit.
func NewReplays(limit int, now func() time.Time) *replays { return newReplays(limit, now) }

// NormalPath is what paths are compared by.
func NormalPath(path string) string { return normalPath(path) }
