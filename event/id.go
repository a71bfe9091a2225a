package event

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/google/uuid"
)

// DeterministicID returns a UUID (version 8) that is a hash of the parts, so that
// the same parts always have the same id. The boundaries between parts count:
// ("ab", "c") and ("a", "bc") differ.
func DeterministicID(parts ...string) string {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	id := uuid.UUID(sum[:16])
	id[6] = id[6]&0x0f | 8<<4 // the version, then the variant of RFC 9562
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
