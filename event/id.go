package event

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// NewID returns a random id: a UUID of version 4.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	return formatUUID(b, 4)
}

// DeterministicID returns the id that the given parts always have: a UUID of
// version 8 cut from the SHA-256 of the parts and their lengths. Who sees the
// id twice sees the same event twice.
func DeterministicID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return formatUUID([16]byte(h.Sum(nil)), 8)
}

// formatUUID sets version and variant (RFC 9562) and writes the UUID.
func formatUUID(b [16]byte, version byte) string {
	b[6] = b[6]&0x0F | version<<4
	b[8] = b[8]&0x3F | 0x80
	out := make([]byte, 0, 36)
	for i, part := range [][]byte{b[:4], b[4:6], b[6:8], b[8:10], b[10:]} {
		if i > 0 {
			out = append(out, '-')
		}
		out = hex.AppendEncode(out, part)
	}
	return string(out)
}
