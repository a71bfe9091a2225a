package kv

// Rest returns the part of the key that was not read yet.
func (r *KeyReader) Rest() []byte { return r.rest }

// SaveInventory does what Run does once a second. While the inventory is being
// written it does nothing, so that what is called by that may call it.
func (s *Store) SaveInventory() error {
	if !s.kept.saving.TryLock() {
		return nil
	}
	s.kept.saving.Unlock()
	return s.kept.save()
}
