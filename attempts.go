package tablecast

import (
	"path/filepath"

	"github.com/tablecast/tablecast/internal/attempt"
)

// attempts is the file in which the node notes what its relays and deliveries work on;
// without a file they work as well.
type attempts struct{ *attempt.Log }

// openAttempts reads at what the process before ended. Without the file the node
// works as well.
func (n *Node) openAttempts(dir string) (err error) {
	if n.opts.FS != nil {
		return nil
	}
	if n.attempts.Log, err = attempt.Open(filepath.Join(dir, "ATTEMPTS")); err != nil {
		n.opts.Logger.Warn("tablecast: what ends the process cannot be noted", "error", err)
	}
	return nil
}
