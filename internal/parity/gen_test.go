package parity

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

// A gen makes the requests of one seed.
type gen struct {
	*rand.Rand
	seed   uint64
	plain  bool // no broken requests, and numbers as answers have them
	clean  bool // the request has no mistake, so that one put into it is the only one
	tables []schema
	others []schema            // tables that the requests of families are about
	keys   map[string][]string // the values that keys of a kind have
}

// A schema is a table that the requests of a seed are about.
type schema struct {
	name    string
	keys    []key // partition key, and sort key if there is one
	indexes []index
}

// An index is a secondary index of a table; local ones have its partition key.
type index struct {
	name       string
	keys       []key
	local      bool
	projection object
}

type key struct{ name, kind string }

func newGen(seed uint64, plain bool) *gen {
	g := &gen{Rand: rand.New(rand.NewPCG(seed, 0)), seed: seed, plain: plain, keys: map[string][]string{}}
	for _, kind := range []string{"S", "N", "B"} {
		choices := g.texts(kind, keyValues)
		for _, i := range g.Perm(len(choices))[:3] {
			g.keys[kind] = append(g.keys[kind], choices[i])
		}
	}
	for i := range 4 {
		s := schema{name: fmt.Sprintf("s%d-t%d", seed, i), keys: []key{{"pk", pick(g, "S", "S", "N", "B")}}}
		if i%2 == 1 {
			s.keys = append(s.keys, key{"sk", pick(g, "S", "N", "N", "B")})
			s.indexes = append(s.indexes, index{"by-n2", []key{s.keys[0], {"n2", "N"}}, true, g.projectionOf()})
		}
		if g.chance(60) {
			s.indexes = append(s.indexes, index{"by-s", []key{{"s", "S"}, {"n", "N"}}[:1+g.IntN(2)], false, g.projectionOf()})
		}
		g.tables = append(g.tables, s)
	}
	g.tables, g.others = g.tables[:2], g.tables[2:]
	return g
}

// pick returns one of the choices.
func pick[T any](g *gen, choices ...T) T { return choices[g.IntN(len(choices))] }

// chance is true in percent of 100 cases.
func (g *gen) chance(percent int) bool { return g.IntN(100) < percent }

func (g *gen) table() schema { return pick(g, g.tables...) }

// projectionOf says what an index holds of the items.
func (g *gen) projectionOf() object {
	return pick(g, object{"ProjectionType": "ALL"}, object{"ProjectionType": "KEYS_ONLY"}, object{"ProjectionType": "INCLUDE", "NonKeyAttributes": []any{"m", "value"}})
}

// create is the request that makes the table.
func (s schema) create() object {
	kinds := object{}
	out := object{"TableName": s.name, "KeySchema": schemaOf(s.keys, kinds), "BillingMode": "PAY_PER_REQUEST"}
	for _, x := range s.indexes {
		name := "GlobalSecondaryIndexes"
		if x.local {
			name = "LocalSecondaryIndexes"
		}
		list, _ := out[name].([]any)
		out[name] = append(list, object{"IndexName": x.name, "KeySchema": schemaOf(x.keys, kinds), "Projection": clone(x.projection)})
	}
	var attrs []any
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		attrs = append(attrs, object{"AttributeName": name, "AttributeType": kinds[name]})
	}
	out["AttributeDefinitions"] = attrs
	return out
}

// schemaOf writes a key schema, and adds the kinds of its attributes.
func schemaOf(keys []key, kinds object) []any {
	var out []any
	for i, k := range keys {
		out = append(out, object{"AttributeName": k.name, "KeyType": []string{"HASH", "RANGE"}[i]})
		kinds[k.name] = k.kind
	}
	return out
}

// keyValues are the values that keys may have. A seed uses three of each kind, so
// that its requests meet.
var keyValues = map[string][]string{
	"S": {"a", "b", "c", "Z", "é", "a b", strings.Repeat("k", 60)},
	"N": {"0", "1", "-1", "2.5", "10", "1E2", "-0.001", "12345678901234567890123456789012345678", "1e-100"},
	"B": {"AA==", "AQ==", "AQI=", "/w==", "YWJj"},
}

// keyOf makes a key of the table.
func (g *gen) keyOf(s schema) object {
	out := object{}
	for _, k := range s.keys {
		out[k.name] = g.keyValue(k.kind)
	}
	return out
}

func (g *gen) keyValue(kind string) object { return object{kind: pick(g, g.keys[kind]...)} }

// attributeNames are the attributes that items have beside their keys; most
// have values of one kind.
var attributeNames = map[string]string{
	"s": "S", "n": "N", "b": "B", "yes": "BOOL", "nil": "NULL", "m": "M", "l": "L", "ss": "SS", "ns": "NS", "bs": "BS", "n2": "N", "x1": "", "st-at": "S", "value": "N",
}

var attributeOrder = []string{"s", "n", "b", "yes", "nil", "m", "l", "ss", "ns", "bs", "n2", "x1", "st-at", "value"}

var kinds = []string{"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"}

// item makes an item with the key.
func (g *gen) item(key object) object {
	out := clone(key).(object)
	for range g.IntN(7) {
		name := pick(g, attributeOrder...)
		out[name] = g.attribute(name)
	}
	return out
}

// attribute makes a value as the attribute has it, or now and then another.
func (g *gen) attribute(name string) object {
	kind := attributeNames[name]
	if kind == "" || !g.clean && g.chance(8) {
		kind = pick(g, kinds...)
	}
	return g.value(kind, 0)
}

// value makes a value of the kind, nested below depth others.
func (g *gen) value(kind string, depth int) object {
	switch kind {
	case "BOOL":
		return object{kind: g.chance(50)}
	case "NULL":
		return object{kind: true}
	case "M":
		m := object{}
		for range g.IntN(4) {
			m[pick(g, "x", "y", "z", "l")] = g.nested(depth)
		}
		return object{kind: m}
	case "L":
		l := []any{}
		for range g.IntN(4) {
			l = append(l, g.nested(depth))
		}
		return object{kind: l}
	case "SS", "NS", "BS":
		return object{kind: g.set(kind[:1])}
	default:
		return object{kind: g.scalar(kind)}
	}
}

func (g *gen) nested(depth int) object {
	if depth > 2 {
		return g.value("S", depth)
	}
	return g.value(pick(g, "S", "N", "BOOL", "M", "L", "SS", "NULL"), depth+1)
}

// scalars are texts of S, N and B, ordinary and at the limits.
var scalars = map[string][]string{
	"S": {"", "a", "ab", "abc", "b", "ä€😀", "x\ny", " ", "10", "S", "N"},
	"N": {"0", "1", "2", "-1", "3.14", "10", "100", "-0", "0.10", "1e3", "1E-3", "+5", "00012", "99999999999999999999999999999999999999",
		"-99999999999999999999999999999999999999", "9.9999999999999999999999999999999999999E+125", "1E-130", "-1E-130", "123456789012345678901234567890",
		"0.00000000000000000000000000000000000001", "1e0", "7", "8"},
	"B": {"", "YQ==", "YWI=", "YWJj", "AAECAw==", "/////w=="},
}

func (g *gen) scalar(kind string) string { return pick(g, g.texts(kind, scalars)...) }

// canonical are numbers as answers write them.
var canonical = regexp.MustCompile(`^(0|-?[1-9]\d*|-?(0|[1-9]\d*)\.\d{0,9}[1-9])$`)

// texts returns the texts of a kind; of numbers the canonical ones if the
// requests are plain.
func (g *gen) texts(kind string, of map[string][]string) []string {
	if kind != "N" || !g.plain {
		return of[kind]
	}
	return slices.DeleteFunc(slices.Clone(of[kind]), func(n string) bool { return !canonical.MatchString(n) })
}

// set makes one to four distinct members.
func (g *gen) set(kind string) []any {
	members := map[string][]string{"S": {"", "a", "b", "c", "dd"}, "N": {"1", "2", "3", "-4.5", g.texts("N", map[string][]string{"N": {"1e3", "1000"}})[0]}, "B": {"YQ==", "Yg==", "YWJj", ""}}[kind]
	out := []any{}
	for _, i := range g.Perm(len(members))[:1+g.IntN(len(members))] {
		out = append(out, members[i])
	}
	return out
}
