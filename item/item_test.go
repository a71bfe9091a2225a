package item

import (
	"bytes"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

func TestFormsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := genItem(t, 3)
		back, err := DecodeBinary(AppendBinary(nil, m))
		if err != nil || !EqualItems(m, back) {
			t.Fatalf("binary form: %v, %v", back, err)
		}
		var wire Map
		if err := json.Unmarshal(AppendJSON(nil, m), &wire); err != nil || !EqualItems(m, wire) {
			t.Fatalf("wire JSON %s: %v, %v", AppendJSON(nil, m), wire, err)
		}
		var plain any
		if err := json.Unmarshal(AppendPlainItem(nil, m), &plain); err != nil {
			t.Fatalf("plain JSON: %v", err)
		}
	})
}

func TestKeyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genScalar(t), genScalar(t)
		ka, kb := AppendKey(nil, a), AppendKey(nil, b)
		if back, rest, err := DecodeKey(append(ka, 'x'), a.Kind()); err != nil || !Equal(back, a) || string(rest) != "x" {
			t.Fatalf("round trip of %v: %v, %q, %v", a, back, rest, err)
		}
		if c, ok := Compare(a, b); ok && c != bytes.Compare(ka, kb) {
			t.Fatalf("compare(%v, %v) = %d, keys %x %x", a, b, c, ka, kb)
		}
	})
}

func rat(t *rapid.T, text string) *big.Rat {
	r, ok := new(big.Rat).SetString(strings.TrimPrefix(text, "+"))
	if !ok {
		t.Fatalf("not a rational: %q", text)
	}
	return r
}

func TestNumberArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ta, tb := genNumber(t), genNumber(t)
		a, err := ParseNumber(ta)
		if err != nil {
			t.Fatal(err)
		}
		b, err := ParseNumber(tb)
		if err != nil {
			t.Fatal(err)
		}
		ra, rb := rat(t, ta), rat(t, tb)
		if rat(t, a.String()).Cmp(ra) != 0 {
			t.Fatalf("%s became %s", ta, a)
		}
		if a.Cmp(b) != ra.Cmp(rb) {
			t.Fatalf("cmp(%s, %s) = %d", ta, tb, a.Cmp(b))
		}
		for _, op := range []struct {
			got  func(Num) (Num, error)
			want *big.Rat
		}{{a.Add, new(big.Rat).Add(ra, rb)}, {a.Sub, new(big.Rat).Sub(ra, rb)}} {
			sum, err := op.got(b)
			if err == nil && rat(t, sum.String()).Cmp(op.want) != 0 {
				t.Fatalf("%s and %s: got %s, want %s", ta, tb, sum, op.want)
			}
			if err != nil && len(strings.TrimRight(strings.TrimLeft(op.want.FloatString(160), "-0."), "0")) <= maxDigits {
				t.Fatalf("%s and %s: %v", ta, tb, err)
			}
		}
	})
}

func TestNumberTexts(t *testing.T) {
	const large = "Number overflow. Attempting to store a number with magnitude larger than supported range"
	const small = "Number underflow. Attempting to store a number with magnitude smaller than supported range"
	for _, c := range []struct{ in, out, err string }{
		{"0", "0", ""}, {"-0.00", "0", ""}, {"1.50", "1.5", ""}, {"1E3", "1000", ""}, {"12e-3", "0.012", ""}, {".5", "0.5", ""}, {"5.", "5", ""},
		{"1e125", "1" + strings.Repeat("0", 125), ""},
		{"1e126", "", large}, {"1e-131", "", small}, {"1e99999999999", "", large}, {"1e-99999999999", "", small},
		{"11e9223372036854775807", "", large}, {"0.01e-9223372036854775808", "", small},
		{"1e9223372036854775808", "", "The parameter cannot be converted to a numeric value: 1e9223372036854775808"},
		{strings.Repeat("1", 127), "", large}, {"0." + strings.Repeat("0", 130) + strings.Repeat("1", 39), "", small}, {strings.Repeat("1", 39) + "e88", "", large},
		{"0e125", "0", ""}, {"0e1000", "0", ""}, {"-0.0e127", "0", ""}, {"0e-130", "0", ""}, {"0e-131", "0", ""}, {"0e9999999999", "0", ""}, {"0." + strings.Repeat("0", 131), "0", ""}, {"00e125", "0", ""},
		{strings.Repeat("1", 39), "", "Attempting to store more than 38 significant digits in a Number"},
		{"", "", "The parameter cannot be converted to a numeric value"},
		{"abc", "", "The parameter cannot be converted to a numeric value: abc"},
		{"1e", "", "The parameter cannot be converted to a numeric value: 1e"},
		{"NaN", "", "The parameter cannot be converted to a numeric value: NaN"},
		{"0x10", "", "The parameter cannot be converted to a numeric value: 0x10"},
	} {
		n, err := ParseNumber(c.in)
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%q: %v, want %q", c.in, err, c.err)
			}
		} else if err != nil || n.String() != c.out {
			t.Errorf("%q: %s, %v, want %s", c.in, n, err, c.out)
		}
	}
}

func TestWireErrors(t *testing.T) {
	deep := strings.Repeat(`{"L":[`, 32) + `{"S":"x"}` + strings.Repeat(`]}`, 32)
	for _, c := range []struct{ in, msg string }{
		{`{"a":{}}`, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"},
		{`{"a":{"S":null}}`, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"},
		{`{"a":{"S":"x","N":"1"}}`, "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"},
		{`{"a":{"NULL":false}}`, "1 validation error detected: One or more parameter values were invalid: Null attribute value types must have the value of true"},
		{`{"a":{"SS":[]}}`, "1 validation error detected: One or more parameter values were invalid: An string set  may not be empty"},
		{`{"a":{"SS":["x","x"]}}`, "1 validation error detected: One or more parameter values were invalid: Input collection [x, x] contains duplicates."},
		{`{"a":{"S":1}}`, "NUMBER_VALUE cannot be converted to String"},
		{`{"a":{"S":{}}}`, "Start of structure or map found where not expected"},
		{`{"a":{"S":[]}}`, "Unrecognized collection type class java.lang.String"},
		{`{"a":{"B":""}}`, ""}, {`{"a":{"B":"+/+8"}}`, ""}, {`{"a":{"B":"YQ=="}}`, ""},
		{`{"a":{"B":"YQ="}}`, "Base64 encoded length is expected a multiple of 4 bytes but found: 3"},
		{`{"a":{"B":"YQ==\n"}}`, "Base64 encoded length is expected a multiple of 4 bytes but found: 5"},
		{`{"a":{"B":"Y\nQ\n"}}`, "Invalid Base64 character: '\n'"}, {`{"a":{"B":"YQ==\r\n\r\n"}}`, "Invalid Base64 character: '\r'"},
		{`{"a":{"B":"Yé="}}`, "Invalid Base64 character: 'é'"}, {`{"a":{"B":"-_-_"}}`, "Invalid Base64 character: '-'"},
		{`{"a":{"B":"=+/="}}`, "Invalid last non-pad Base64 character dectected"}, {`{"a":{"B":"+/+="}}`, "Invalid last non-pad Base64 character dectected"},
		{`{"a":{"B":"YR=="}}`, "Invalid last non-pad Base64 character dectected"}, {`{"a":{"BS":["YQ==","YR=="]}}`, "Invalid last non-pad Base64 character dectected"},
		{`{"a":{"B":1}}`, "only base-64-encoded strings are convertible to bytes"},
		{`{"a":{"N":1.5}}`, "DECIMAL_VALUE cannot be converted to String"},
		{`{"a":{"BOOL":"true"}}`, "Unexpected token received from parser"},
		{`{"a":{"BOOL":1}}`, "NUMBER_VALUE cannot be converted to Boolean"},
		{`{"a":{"SS":"x"}}`, "Unexpected field type"},
		{`{"a":{"L":["x"]}}`, "Unexpected value type in payload"},
		{`{"a":[]}`, "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue"},
		{`[]`, "Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>"},
		{`{"a":null}`, "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"},
		{`{"a":{"BS":["Yg==","Yg=="]}}`, "1 validation error detected: One or more parameter values were invalid: Input collection [Yg==, Yg==]of type BS contains duplicates."},
		{`{"a":` + deep[6:len(deep)-2] + `}`, ""},
		{`{"a":` + deep + `}`, "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"},
	} {
		var m Map
		err := json.Unmarshal([]byte(c.in), &m)
		var bad *Error
		var syntax *SyntaxError
		got := ""
		if errors.As(err, &bad) {
			got = bad.Msg
		} else if errors.As(err, &syntax) {
			got = syntax.Msg
		}
		if got != c.msg {
			t.Errorf("%.60s: %v", c.in, err)
		}
	}
	var m Map
	if err := json.Unmarshal([]byte(`{"a":{"S":"x"},"a":{"S":"y"}}`), &m); err == nil {
		t.Error("a duplicate name was accepted")
	}
}

func TestSizes(t *testing.T) {
	n := func(s string) Value { v, _ := N(s); return v }
	for _, c := range []struct {
		v    Value
		want int
	}{
		{S("héllo"), 6}, {B([]byte{1, 2}), 2}, {n("0"), 1}, {n("7"), 2}, {n("1234"), 3}, {n("-12.5"), 4}, {n("1000"), 2},
		{BoolOf(true), 1}, {NullValue(), 1}, {L(S("ab")), 6}, {M(MapOf(Field{"k", S("v")})), 6},
	} {
		if got := c.v.Size(); got != c.want {
			t.Errorf("size of %s: %d, want %d", AppendPlainJSON(nil, c.v), got, c.want)
		}
	}
}

func TestMapOfAndWith(t *testing.T) {
	m := MapOf(Field{"b", S("1")}, Field{"a", S("2")}, Field{"b", S("3")})
	if got := string(AppendPlainItem(nil, m)); got != `{"a":"2","b":"3"}` {
		t.Fatal(got)
	}
	m2 := m.With("aa", S("x")).With("a", S("y")).Without("b")
	if got := string(AppendPlainItem(nil, m2)); got != `{"a":"y","aa":"x"}` {
		t.Fatal(got)
	}
	if got := string(AppendPlainItem(nil, m)); got != `{"a":"2","b":"3"}` {
		t.Fatalf("With changed its receiver: %s", got)
	}
}

func FuzzNumber(f *testing.F) {
	f.Add("1E-130")
	f.Add("-99999999999999999999999999999999999999e87")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseNumber(text)
		if err != nil {
			return
		}
		if back, err := ParseNumber(n.String()); err != nil || back != n {
			t.Fatalf("%q: %s came back as %s, %v", text, n, back, err)
		}
	})
}

func BenchmarkDecode1KB(b *testing.B) {
	wire := []byte(`{"id":{"S":"u0000001"},"n":{"N":"12345.678"},"tags":{"SS":["a","b"]},"doc":{"S":"` + strings.Repeat("x", 900) + `"}}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		var m Map
		if err := json.Unmarshal(wire, &m); err != nil {
			b.Fatal(err)
		}
	}
}
