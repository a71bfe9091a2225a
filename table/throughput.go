package table

import "time"

// A Throughput is the capacity units of a provisioned table. It is stored, and says
// how many shards a stream begins with.
type Throughput struct {
	Read  int64 `json:"read,omitzero"`
	Write int64 `json:"write,omitzero"`
}

// A ThroughputHistory tells when the throughput of a provisioned table or index was
// changed. A time is zero if there was no such change.
type ThroughputHistory struct {
	Increased time.Time `json:"increased,omitzero"`
	Decreased time.Time `json:"decreased,omitzero"`
	Decreases int       `json:"decreases,omitzero"` // on the day of Decreased, in UTC
}

// changed notes a change at a time, which may increase one of the two and decrease
// the other.
func (h *ThroughputHistory) changed(from, to Throughput, at time.Time) {
	if to.Read > from.Read || to.Write > from.Write {
		h.Increased = at
	}
	if to.Read < from.Read || to.Write < from.Write {
		h.Decreases = h.on(at).Decreases + 1
		h.Decreased = at
	}
}

// on returns the history with the decreases of the day of the time alone.
func (h ThroughputHistory) on(at time.Time) ThroughputHistory {
	const day = "2006-01-02"
	if h.Decreased.UTC().Format(day) != at.UTC().Format(day) {
		h.Decreases = 0
	}
	return h
}

// bill notes a change of the billing mode and the throughput in the descriptor.
func (d *descriptor) bill(c Change, at time.Time) {
	before := d.Billing
	set(&d.Billing, c.Billing)
	switch {
	case d.Billing == PayPerRequest && before != PayPerRequest:
		d.OnDemandSince = at
	case c.Throughput != nil && before == Provisioned:
		d.History.changed(d.Throughput, *c.Throughput, at)
	}
	set(&d.Throughput, c.Throughput)
}
