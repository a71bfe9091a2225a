package tuple

import (
	"bytes"
	"cmp"
	"testing"

	"pgregory.net/rapid"
)

// Forms are in the order of the strings, read back, and none is the beginning of
// another.
func TestOrderAndRoundTrip(t *testing.T) {
	part := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 0xFF}), 0, 5)
	rapid.Check(t, func(t *rapid.T) {
		a, b := part.Draw(t, "a"), part.Draw(t, "b")
		x, y := Append(nil, a), Append(nil, string(b))
		if got, want := bytes.Compare(x, y), bytes.Compare(a, b); got != want {
			t.Fatalf("forms compare as %d, strings as %d", got, want)
		}
		if want := cmp.Compare(bytes.Compare(a, b), 0); want != 0 && bytes.HasPrefix(x, y) {
			t.Fatalf("%q begins with %q", x, y)
		}
		s, rest, ok := Cut(append(x, "rest"...))
		if !ok || !bytes.Equal(s, a) || string(rest) != "rest" {
			t.Fatalf("read back as %q, %q, %t", s, rest, ok)
		}
	})
	for _, bad := range []string{"", "a", "a\x00", "\x00\x02", "\x00", "a\x00\xFF"} {
		if s, _, ok := Cut([]byte(bad)); ok {
			t.Errorf("%q was read as %q", bad, s)
		}
	}
}

// Exactly the keys that begin with a prefix lie between it and its end.
func TestPrefixEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gen := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0xFE, 0xFF}), 0, 4)
		p, k := gen.Draw(t, "prefix"), gen.Draw(t, "key")
		end := PrefixEnd(p)
		inside := bytes.Compare(k, p) >= 0 && (end == nil || bytes.Compare(k, end) < 0)
		if inside != bytes.HasPrefix(k, p) {
			t.Fatalf("prefix %x ends at %x; key %x inside: %v", p, end, k, inside)
		}
	})
}
