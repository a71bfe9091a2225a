package kv_test

import (
	"bytes"
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/tablecast/tablecast/kv"
)

// An element of a tuple key: a uint64, a string or a []byte.
type element any

func drawTuple(t *rapid.T, shape []int, label string) []element {
	// Few distinct bytes make shared prefixes and escapes likely.
	bytesGen := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 0xFE, 0xFF, 'a'}), 0, 5)
	tuple := make([]element, len(shape))
	for i, kind := range shape {
		switch kind {
		case 0:
			tuple[i] = rapid.Uint64().Draw(t, label)
		case 1:
			tuple[i] = string(bytesGen.Draw(t, label))
		default:
			tuple[i] = bytesGen.Draw(t, label)
		}
	}
	return tuple
}

func encode(tuple []element) kv.Key {
	k := kv.NewKey('z')
	for _, e := range tuple {
		switch e := e.(type) {
		case uint64:
			k = k.Uint64(e)
		case string:
			k = k.String(e)
		case []byte:
			k = k.Bytes(e)
		}
	}
	return k
}

func compareTuples(a, b []element) int {
	for i := range min(len(a), len(b)) {
		var c int
		switch x := a[i].(type) {
		case uint64:
			c = cmp.Compare(x, b[i].(uint64))
		case string:
			c = cmp.Compare(x, b[i].(string))
		case []byte:
			c = bytes.Compare(x, b[i].([]byte))
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

// Keys of one shape, or of one shape cut short, sort as their tuples do.
func TestKeyOrderIsTupleOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(0, 2), 1, 4).Draw(t, "shape")
		cut := rapid.IntRange(0, len(shape)).Draw(t, "cut")
		a, b := drawTuple(t, shape, "a"), drawTuple(t, shape[:cut], "b")
		if rapid.Bool().Draw(t, "share") {
			copy(b, a[:min(len(b), 1)])
		}
		if got, want := bytes.Compare(encode(a), encode(b)), compareTuples(a, b); got != want {
			t.Fatalf("%v and %v: keys compare %d, tuples %d", a, b, got, want)
		}
	})
}

func TestKeyReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(0, 2), 0, 4).Draw(t, "shape")
		tuple := drawTuple(t, shape, "tuple")
		r := kv.ReadKey(encode(tuple).Raw([]byte("rest")))
		for i, e := range tuple {
			ok := false
			switch e := e.(type) {
			case uint64:
				ok = r.Uint64() == e
			case string:
				ok = r.String() == e
			case []byte:
				ok = bytes.Equal(r.Bytes(), e)
			}
			if !ok || r.Err() != nil {
				t.Fatalf("element %d of %v: %v", i, tuple, r.Err())
			}
		}
		if string(r.Rest()) != "rest" {
			t.Fatalf("rest is %q", r.Rest())
		}
	})
}

func FuzzReadKey(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("za\x00\xff\x00\x01"))
	f.Add([]byte("za\x00\x02"))
	f.Fuzz(func(t *testing.T, k []byte) {
		r := kv.ReadKey(k)
		b := r.Bytes()
		if r.Err() != nil {
			if b != nil || r.Rest() != nil || r.Uint64() != 0 || r.String() != "" {
				t.Fatalf("a malformed key gave %q, %q", b, r.Rest())
			}
			return
		}
		if again := kv.NewKey(k[0]).Bytes(b).Raw(r.Rest()); !slices.Equal(again, k) {
			t.Fatalf("%x was read as %q, which is written as %x", k, b, again)
		}
	})
}
