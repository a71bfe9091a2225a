package kv

// Rest returns the part of the key that was not read yet.
func (r *KeyReader) Rest() []byte { return r.rest }
