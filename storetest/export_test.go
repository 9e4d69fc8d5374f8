package storetest

import "time"

// SetPatience bounds how long a watcher is waited for.
func SetPatience(d time.Duration) { patience = d }
