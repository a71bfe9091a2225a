package item

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json"
)

// A stored item that is read is the same when it is written and read again.
func FuzzBinary(f *testing.F) {
	f.Add(AppendBinary(nil, MapOf(Field{"a", L(S("x"), NullValue())})))
	f.Add([]byte{1, 1, 'a', byte(List), 0xFF, 0xFF, 0x03})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeBinary(b)
		if err != nil {
			return
		}
		form := AppendBinary(nil, m)
		again, err := DecodeBinary(form)
		if err != nil || !bytes.Equal(form, AppendBinary(nil, again)) || !bytes.Equal(AppendJSON(nil, m), AppendJSON(nil, again)) {
			t.Errorf("%x came back as %x: %v", b, form, err)
		}
	})
}

// An item of the wire that is read is the same when it is written and read again,
// in both forms, and small beside its text.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"id":{"S":"a"},"n":{"N":"-1.50e3"},"b":{"B":"AAE="},"ss":{"SS":["b","a"]},"ns":{"NS":["1","2.0"]},"bs":{"BS":["AA=="]},"l":{"L":[{"M":{"x":{"NULL":true}}},{"BOOL":false}]}}`,
		`{"":{"S":""}}`, `{"a":{"L":[{"L":[{"L":[]}]}]}}`, `{"a":{"N":"1E-130"}}`, `{"a":{"S":"\ud83d\ude00\u0000"}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var m, again Map
		if json.Unmarshal(text, &m) != nil {
			return
		}
		if size := Size(m); size > 2*len(text)+100 {
			t.Errorf("%d bytes of text make an item of %d", len(text), size)
		}
		form := AppendJSON(nil, m)
		if err := json.Unmarshal(form, &again); err != nil || !bytes.Equal(form, AppendJSON(nil, again)) {
			t.Fatalf("%s came back as %s: %v", text, form, err)
		}
		stored, err := DecodeBinary(AppendBinary(nil, m))
		if err != nil || !bytes.Equal(form, AppendJSON(nil, stored)) {
			t.Errorf("%s was stored as %s: %v", text, AppendJSON(nil, stored), err)
		}
	})
}

// A key form that is read is the only one of its value.
func FuzzKey(f *testing.F) {
	for _, v := range []Value{S("a\x00b"), B([]byte{0, 255}), S("")} {
		f.Add(AppendKey(nil, v), byte(v.Kind()))
	}
	for _, text := range []string{"0", "-12.5", "1e125", "-9.99e-130"} {
		n, err := ParseNumber(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(AppendKey(nil, n.Value()), byte(Number))
	}
	f.Fuzz(func(t *testing.T, b []byte, kind byte) {
		k := Kind(kind)
		if k != String && k != Number && k != Binary {
			return
		}
		v, rest, err := DecodeKey(b, k)
		if err != nil {
			return
		}
		form := AppendKey(nil, v)
		again, left, err := DecodeKey(form, k)
		if c, ok := Compare(v, again); err != nil || len(left) > 0 || !ok || c != 0 || len(rest) > len(b) {
			t.Errorf("%x came back as %x: %v", b, form, err)
		}
	})
}

// A key as people write it, and plain JSON, that are read can be stored.
func FuzzPlain(f *testing.F) {
	for _, s := range []string{`{"id":"u1","n":1.50}`, `{"id":{"S":"u1"},"b":{"B":"AA=="}}`, `[1e400]`, `{"a":{"a":[null,true,{}]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if key, err := ParseKey(text); err == nil {
			if stored, err := DecodeBinary(AppendBinary(nil, key)); err != nil || !bytes.Equal(AppendJSON(nil, key), AppendJSON(nil, stored)) {
				t.Errorf("key %s was stored as %s: %v", text, AppendJSON(nil, stored), err)
			}
		}
		v, err := FromPlainJSON(text)
		if err != nil {
			return
		}
		form := AppendPlainJSON(nil, v)
		if again, err := FromPlainJSON(form); err != nil || !bytes.Equal(form, AppendPlainJSON(nil, again)) {
			t.Errorf("%s came back as %s: %v", text, form, err)
		}
	})
}
