package dynamodb

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
)

// A cursor says where a SELECT goes on: in which of its queries, and after
// which key, if any. A NextToken is a cursor in base64:
//
//	hash of the request (16 bytes), query (varint), key (JSON, as requests have it)
type cursor struct {
	read int
	key  item.Item // nil: at the beginning
}

const hashLength = 16

// hash returns the hash of what a NextToken belongs to: the statement and its
// parameters.
func (s *statement) hash() []byte {
	h := sha256.New()
	h.Write(binary.AppendUvarint(nil, uint64(len(*s.Statement))))
	h.Write([]byte(*s.Statement))
	h.Write(item.AppendBinary(nil, item.MapOf(item.Field{Value: item.L(s.Parameters.values...)})))
	return h.Sum(nil)[:hashLength]
}

// encode returns the NextToken.
func (c *cursor) encode(request []byte) string {
	b := binary.AppendUvarint(bytes.Clone(request), uint64(c.read))
	if c.key != nil {
		b = item.AppendJSON(b, c.key)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeToken reads a NextToken of a request that is made of so many queries. A client
// can change its token, so the key is checked as that of a request is.
func decodeToken(text string, request []byte, reads int) (cursor, error) {
	invalid := awsjson.Validation("Invalid NextToken")
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) <= hashLength {
		return cursor{}, invalid
	}
	if !bytes.Equal(b[:hashLength], request) {
		return cursor{}, awsjson.Validation("NextToken does not match request")
	}
	n, size := binary.Uvarint(b[hashLength:])
	if size <= 0 || n >= uint64(reads) {
		return cursor{}, invalid
	}
	c := cursor{read: int(n)}
	if rest := b[hashLength+size:]; len(rest) > 0 {
		var key item.Map
		if err := json.Unmarshal(rest, &key); err != nil {
			return cursor{}, invalid
		}
		c.key = key
	}
	return c, nil
}
