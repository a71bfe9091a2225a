package kv

import (
	"fmt"

	"github.com/go-json-experiment/json"
)

// Unmarshal reads a stored value that is JSON. Errors: ErrCorrupt.
func Unmarshal(value []byte, to any, o ...json.Options) error {
	if err := json.Unmarshal(value, to, o...); err != nil {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return nil
}
