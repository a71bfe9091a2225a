package eventbridge

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxListed is how many members of a list are read; no operation takes more.
const maxListed = 128

// A list is a list in a request. Members after the first maxListed are skipped, so
// that a million empty members take no more memory than their text.
type list[T any] []T

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *list[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '[' {
		return json.UnmarshalDecode(dec, (*[]T)(l)) // null, or an error in its words
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	*l = list[T]{}
	for dec.PeekKind() != ']' {
		if len(*l) == maxListed {
			if err := dec.SkipValue(); err != nil {
				return err
			}
			continue
		}
		var member T
		if err := json.UnmarshalDecode(dec, &member); err != nil {
			return err
		}
		*l = append(*l, member)
	}
	_, err := dec.ReadToken()
	return err
}
