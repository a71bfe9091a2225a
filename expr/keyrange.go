package expr

import (
	"strings"

	"github.com/tablecast/tablecast/item"
)

// resolveMulti resolves the terms against a key with several partition or sort
// attributes, attrs in order.
func (k *KeyCondition) resolveMulti(schema item.KeySchema, attrs []item.KeyAttr) (KeyRange, error) {
	known, last := 0, schema.Hashes()-1
	missed := ""
	for i, a := range attrs {
		t := k.on(a.Name)
		if t == nil {
			if missed == "" {
				missed = a.Name
			}
			continue
		}
		if err := t.check(a); err != nil {
			return KeyRange{}, err
		}
		known++
		last = max(last, i)
	}
	if open := k.unequal(attrs[:schema.Hashes()]); open != "" {
		return KeyRange{}, &Error{"HASH key attributes " + open + " must have equality conditions specified in the query"}
	}
	if known < len(k.terms) {
		return KeyRange{}, &Error{"Query condition missed key schema element: " + missed}
	}
	var out KeyRange
	if last >= schema.Hashes() {
		if open := k.unequal(attrs[schema.Hashes():last]); open != "" {
			return KeyRange{}, &Error{"RANGE key attributes " + open +
				" must have equality conditions specified in the query because a condition is present on key attribute " + attrs[last].Name}
		}
		t := k.on(attrs[last].Name)
		out.Op, out.Low, out.High = t.Op, t.Low, t.High
		attrs = attrs[:last]
	} else {
		attrs = attrs[:schema.Hashes()]
	}
	for _, a := range attrs {
		out.Equal = append(out.Equal, k.on(a.Name).Low)
	}
	return out, nil
}

// unequal names those of the attributes that have no term or one that is no equality.
func (k *KeyCondition) unequal(attrs []item.KeyAttr) string {
	var out []string
	for _, a := range attrs {
		if t := k.on(a.Name); t == nil || t.Op != "=" {
			out = append(out, a.Name)
		}
	}
	return strings.Join(out, ", ")
}
