package mapping

// LimitCost sets what the expressions of a definition may cost for one record.
func (s *Set) LimitCost(most uint64) { s.maxCost = most }
