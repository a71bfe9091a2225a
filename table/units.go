package table

// Units are the capacity units that an operation on one table consumes, by
// DynamoDB's arithmetic: of the table itself and of each index that it used.
type Units struct {
	Table         float64
	Global, Local map[string]float64 // by the index's name; nil if none
}

// Total returns the units of the table and its indexes.
func (u Units) Total() float64 {
	sum := u.Table
	for _, n := range u.Global {
		sum += n
	}
	for _, n := range u.Local {
		sum += n
	}
	return sum
}

// Add adds other units of the same table.
func (u *Units) Add(v Units) {
	u.Table += v.Table
	for name, n := range v.Global {
		u.onIndex(false, name, n)
	}
	for name, n := range v.Local {
		u.onIndex(true, name, n)
	}
}

// Scale returns the units multiplied by a whole number, as transactions consume
// them.
func (u Units) Scale(by float64) Units {
	var out Units
	for range int(by) {
		out.Add(u)
	}
	return out
}

// onIndex adds units of an index.
func (u *Units) onIndex(local bool, name string, n float64) {
	of := &u.Global
	if local {
		of = &u.Local
	}
	if *of == nil {
		*of = map[string]float64{}
	}
	(*of)[name] += n
}

// writeUnits returns the units of a write: its size in kilobytes, rounded up.
func writeUnits(bytes int) float64 { return float64(max((bytes+1023)/1024, 1)) }

// ReadUnits returns the units of reading bytes: the size in units of four
// kilobytes, rounded up, and at least one; half as much unless the read is
// strongly consistent.
func ReadUnits(bytes int, consistent bool) float64 {
	units := float64(max((bytes+4095)/4096, 1))
	if !consistent {
		units /= 2
	}
	return units
}

// units returns what the write consumes: of the table by the larger of the two
// images, even if nothing changed, and of each changed index by its entry, which
// counts twice if it gets another key.
func (w *write) units() Units {
	u := Units{Table: writeUnits(max(w.old.size, w.now.size))}
	for _, c := range w.indexes {
		if c.index.expiry {
			continue
		}
		n := writeUnits(max(c.before, c.now))
		if c.moved {
			n = writeUnits(c.before) + writeUnits(c.now)
		}
		u.onIndex(c.index.d.Local, c.index.d.Name, n)
	}
	return u
}
