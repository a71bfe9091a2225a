package mapping

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/tablecast/tablecast/item"
)

// view returns the plain view of the change, which patterns match: op, table,
// entity, keys, old, new and changed, as far as there is something.
func (c *change) view() []byte {
	dst := append([]byte(`{"op":`), `"`+string(c.kind)+`"`...)
	dst = quote(append(dst, `,"table":`...), c.record.Table())
	if c.entity != "" {
		dst = quote(append(dst, `,"entity":`...), c.entity)
	}
	dst = item.AppendPlainItem(append(dst, `,"keys":`...), c.keys)
	if c.record.Old != nil {
		dst = item.AppendPlainItem(append(dst, `,"old":`...), c.record.Old)
	}
	if c.record.New != nil {
		dst = item.AppendPlainItem(append(dst, `,"new":`...), c.record.New)
	}
	if c.record.Old != nil && c.record.New != nil {
		dst = append(dst, `,"changed":[`...)
		for i, name := range c.differing() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = quote(dst, name)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// matches reports whether the pattern at a place in the set matches. All are
// tried at once, however many ask.
func (c *change) matches(at int) (bool, error) {
	if !c.viewed {
		var err error
		if c.matched, err = c.set.patterns.Match(c.view(), nil); err != nil {
			return false, err
		}
		c.viewed = true
	}
	return slices.Contains(c.matched, at), nil
}

// quote appends a string as JSON. Bytes that are not UTF-8 become U+FFFD.
func quote(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // it fails for invalid UTF-8 alone, and then has replaced it
	return dst
}
