package eventbridge

import (
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// A paging is the members of a request for one page of a list.
type paging struct {
	NextToken *string
	Limit     *int
}

func (p *paging) validate(v *awsjson.Validator) {
	v.Text(p.NextToken, "nextToken", awsjson.Text{Min: 1, Max: 2048})
	awsjson.Range(v, p.Limit, "limit", 1, 100)
}

// answer writes one page of a list as an operation answers it: the member holds
// what item makes of each element, and NextToken is absent on the last page. The
// list is in the order of its names.
func answer[T, Item any](p *paging, member string, list []T, name func(T) string, item func(T) Item) ([]byte, error) {
	found, next, err := cut(p, list, name)
	if err != nil {
		return nil, err
	}
	items := make([]Item, len(found))
	for i, x := range found {
		items[i] = item(x)
	}
	text, err := json.Marshal(items)
	if err != nil {
		return nil, err
	}
	text = append([]byte(`{"`+member+`":`), text...)
	if next != "" {
		text = append(text, `,"NextToken":"`+next+`"`...)
	}
	return append(text, '}'), nil
}

// cut returns one page of a list that is in the order of its names, and the
// token of the next page. A token holds the last name of its page, so changes
// between two pages neither repeat nor hide anything else.
func cut[T any](p *paging, list []T, name func(T) string) ([]T, string, error) {
	if p.NextToken != nil {
		last, err := base64.RawURLEncoding.DecodeString(*p.NextToken)
		if err != nil {
			return nil, "", awsjson.Validation("Parameter NextToken is not valid.")
		}
		for len(list) > 0 && strings.Compare(name(list[0]), string(last)) <= 0 {
			list = list[1:]
		}
	}
	size := 100
	if p.Limit != nil {
		size = *p.Limit
	}
	if len(list) <= size {
		return list, "", nil
	}
	return list[:size], base64.RawURLEncoding.EncodeToString([]byte(name(list[size-1]))), nil
}
