package wire

import (
	"encoding/binary"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestReadsWhatWasAppended(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, i, f := rapid.Uint64().Draw(t, "u"), rapid.Int64().Draw(t, "i"), rapid.Uint64().Draw(t, "fixed")
		s, b := rapid.String().Draw(t, "s"), rapid.Byte().Draw(t, "b")
		form := binary.AppendUvarint(nil, u)
		form = binary.AppendVarint(form, i)
		form = binary.BigEndian.AppendUint64(form, f)
		form = append(AppendString(form, s), b)
		r := NewReader(form)
		if r.Uvarint() != u || r.Varint() != i || r.Uint64() != f || r.String() != s || r.Byte() != b || !r.Done() || r.Malformed() {
			t.Fatalf("%x was read as something else", form)
		}
		// No prefix of a form is the form, and reading one ends.
		r = NewReader(form[:rapid.IntRange(0, len(form)-1).Draw(t, "cut")])
		r.Uvarint()
		r.Varint()
		r.Uint64()
		_ = r.String()
		r.Byte()
		if r.Done() || !r.Malformed() || r.Rest() != nil {
			t.Fatalf("a part of %x was read as a whole", form)
		}
	})
}

func TestMalformed(t *testing.T) {
	for name, form := range map[string][]byte{
		"nothing":           nil,
		"endless integer":   {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"length past end":   {5, 'a'},
		"length of all":     append(binary.AppendUvarint(nil, math.MaxUint64), 'a'),
		"more than is read": {1, 'a', 'b'},
	} {
		r := NewReader(form)
		_ = r.String()
		if r.Done() {
			t.Errorf("%s is a string", name)
		}
	}
}
