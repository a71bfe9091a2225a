package parking

import (
	"errors"
	"fmt"
)

// toldDamage is how many damaged records an error names.
const toldDamage = 10

// A damage collects the damaged records that a walk passes.
type damage struct {
	errs []error
	more int
}

// add notes a record that cannot be read, and why.
func (d *damage) add(r *Record, why error) {
	if len(d.errs) == toldDamage {
		d.more++
		return
	}
	d.errs = append(d.errs, fmt.Errorf("record %s: %w; drop it by its sequence number", r.Seq, why))
}

// err returns what was noted, or nil. It wraps ErrDamaged.
func (d *damage) err() error {
	if d.more == 0 {
		return errors.Join(d.errs...)
	}
	return errors.Join(append(d.errs, fmt.Errorf("%d more records: %w", d.more, ErrDamaged))...)
}
