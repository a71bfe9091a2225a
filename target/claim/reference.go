package claim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// Errors of Open and Fetch.
var (
	// ErrMismatch means that the content in the store does not have the size or
	// hash of the reference.
	ErrMismatch = errors.New("claim: the content is not what the reference says")
	// ErrForeign means that a reference is to another store.
	ErrForeign = errors.New("claim: the reference is not of this store")
	// ErrURL means that the text is no URL of a store.
	ErrURL = errors.New("claim: not a store: write file:///FOLDER or s3://BUCKET/PREFIX")
)

// MaxSize is how many bytes a content may have for Fetch to read it.
const MaxSize = 64 << 20

// A Store stores contents. Methods may be called from any goroutine.
type Store interface {
	// Put stores the content under a name and returns a reference to it, once
	// the content is durable. Names consist of letters, digits, - and _.
	Put(ctx context.Context, name string, content []byte) (ref string, err error)
	// Get returns the content of a reference, at most limit bytes of it.
	Get(ctx context.Context, ref string, limit int64) ([]byte, error)
}

// A Reference is what an event has in place of a large detail.
type Reference struct {
	Ref    string `json:"ref"`
	SHA256 string `json:"sha256"` // hexadecimal
	Size   int    `json:"size"`   // bytes
}

// envelope is a detail that is a reference.
type envelope struct {
	ClaimCheck *Reference `json:"claimCheck"`
}

// Check puts a content into the store and returns a detail with the reference.
func Check(ctx context.Context, s Store, name string, content []byte) (detail []byte, err error) {
	ref, err := s.Put(ctx, name, content)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	return json.Marshal(envelope{&Reference{ref, hex.EncodeToString(sum[:]), len(content)}})
}

// ParseReference returns the reference in a detail; ok is false if the detail is
// an ordinary one.
func ParseReference(detail []byte) (r Reference, ok bool) {
	var e envelope
	if err := json.Unmarshal(detail, &e, json.RejectUnknownMembers(true)); err != nil || e.ClaimCheck == nil || e.ClaimCheck.Ref == "" {
		return Reference{}, false
	}
	return *e.ClaimCheck, true
}

// Fetch returns the content behind a detail: if the detail is a reference, what the
// store holds, checked by size and hash; otherwise the detail itself. Errors:
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
