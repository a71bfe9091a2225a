package claim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// Errors of this package.
var (
	// ErrMismatch means that what the store holds is not what the reference
	// promises.
	ErrMismatch = errors.New("claim: the content is not what the reference says")
	// ErrForeign means that a reference does not belong to the store.
	ErrForeign = errors.New("claim: the reference is not of this store")
	// ErrURL means that the text is no URL of a store.
	ErrURL = errors.New("claim: not a store: write file:///FOLDER or s3://BUCKET/PREFIX")
)

// MaxSize is the most bytes that Fetch reads.
const MaxSize = 64 << 20

// A Store keeps contents under references. It may be used by many goroutines.
type Store interface {
	// Put keeps the content under a name and returns a reference to it. It
	// returns once the content is durable. Names are letters, digits, - and _.
	Put(ctx context.Context, name string, content []byte) (ref string, err error)
	// Get returns the content of a reference, at most limit bytes of it.
	Get(ctx context.Context, ref string, limit int64) ([]byte, error)
}

// A Reference stands for a content.
type Reference struct {
	Ref    string `json:"ref"`
	SHA256 string `json:"sha256"` // hexadecimal
	Size   int    `json:"size"`   // bytes
}

// envelope is a detail that is a reference.
type envelope struct {
	ClaimCheck *Reference `json:"claimCheck"`
}

// Check puts a content into the store and returns the detail that refers to it.
func Check(ctx context.Context, s Store, name string, content []byte) (detail []byte, err error) {
	ref, err := s.Put(ctx, name, content)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	return json.Marshal(envelope{&Reference{ref, hex.EncodeToString(sum[:]), len(content)}})
}

// ParseReference returns the reference that a detail is; ok is false if it is
// none.
func ParseReference(detail []byte) (r Reference, ok bool) {
	var e envelope
	if err := json.Unmarshal(detail, &e, json.RejectUnknownMembers(true)); err != nil || e.ClaimCheck == nil || e.ClaimCheck.Ref == "" {
		return Reference{}, false
	}
	return *e.ClaimCheck, true
}

// Fetch returns the content that a detail stands for: of a reference what the
// store holds, checked by size and hash, of any other detail itself. Errors:
// ErrMismatch, ErrForeign, those of the store.
func Fetch(ctx context.Context, s Store, detail []byte) ([]byte, error) {
	r, ok := ParseReference(detail)
	if !ok {
		return detail, nil
	}
	if r.Size < 0 || r.Size > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes", ErrMismatch, r.Size)
	}
	content, err := s.Get(ctx, r.Ref, int64(r.Size)+1)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	if len(content) != r.Size || hex.EncodeToString(sum[:]) != r.SHA256 {
		return nil, fmt.Errorf("%w: %s", ErrMismatch, r.Ref)
	}
	return content, nil
}
