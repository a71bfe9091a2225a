//go:build !linux && !darwin

package machine

import "time"

// Uptime returns 0: what the system says of the time that it was suspended is not
// known.
func Uptime() time.Duration { return 0 }
