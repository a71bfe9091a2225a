package parity

import "strings"

// longName writes names of attributes, and paths, at and over their limits. Those
// over them have other letters, so that an entry can speak of these alone.
func (g *gen) longName(s schema) step {
	return pick(g, (*gen).longAttribute, (*gen).longAlias, (*gen).bareName, (*gen).deepPath, (*gen).longKey, (*gen).longProjected)(g, s)
}

// longAttribute puts an item whose attribute, or a member of it, has a name at
// the limits. Names are counted in bytes.
func (g *gen) longAttribute(s schema) step {
	item, name := g.keyOf(s), pick(g, "", "n", strings.Repeat("n", 65535), strings.Repeat("o", 65536), strings.Repeat("é", 32767), strings.Repeat("ö", 32768))
	value := object{"S": "a"}
	item[name] = value
	if g.chance(40) {
		delete(item, name)
		item["m"] = pick(g, object{"M": object{name: value}}, list(object{"M": object{name: value}}))
	}
	return step{request: request{op: "PutItem", body: object{"TableName": s.name, "Item": item}}}
}

// longAlias names an attribute at the limits by an alias.
func (g *gen) longAlias(s schema) step {
	all := object{"#a": pick(g, "", "n", strings.Repeat("n", 65535), strings.Repeat("o", 65536)), ":v": number(1)}
	if g.chance(30) {
		return step{request: request{op: "GetItem", body: using(object{"TableName": s.name, "Key": g.keyOf(s), "ProjectionExpression": pick(g, "#a", "m.#a", "l[0].#a")}, all)}}
	}
	body := pick(g, object{"UpdateExpression": pick(g, "SET #a = :v", "SET m.#a = :v", "REMOVE #a", "REMOVE m.#a", "ADD #a :v", "SET b = #a")},
		object{"UpdateExpression": "SET b = :v", "ConditionExpression": pick(g, "#a = :v", "attribute_not_exists(m.#a)")})
	return g.upon(s, object{"m": object{"M": object{}}}, "UpdateItem", using(body, all))
}

// bareName projects by a path in which each character counts.
func (g *gen) bareName(s schema) step {
	path := pick(g, "_name", "_", "1n", "n_1", "n-1", "né", "n.", ".n", "n..m", "n[ 0 ]", "n [0]", "n . m", "n[00]", "n[1e1]", "n[99999999999]", "n[2147483647]", "n[2147483648]", "n[-0]", "n[]", "n[0", "n.[0]", "n[0]m", "n.1", "n.#", "$n")
	return step{request: request{op: "GetItem", body: object{"TableName": s.name, "Key": g.keyOf(s), "ProjectionExpression": path}}}
}

// deepPath reads or writes a path of as many levels as there may be, or of one
// more.
func (g *gen) deepPath(s schema) step {
	path := "a" + strings.Repeat(pick(g, ".b", "[0]"), pick(g, 30, 31, 32))
	if g.chance(50) {
		return step{request: request{op: "GetItem", body: object{"TableName": s.name, "Key": g.keyOf(s), "ProjectionExpression": path}}}
	}
	return g.upon(s, object{}, "UpdateItem", using(object{"UpdateExpression": pick(g, "SET b = if_not_exists("+path+", :v)", "SET "+path+" = :v", "REMOVE "+path)}, object{":v": number(1)}))
}

// longKey makes a table whose key has a name about 255 bytes long.
func (g *gen) longKey(s schema) step {
	name := pick(g, strings.Repeat("n", 254), strings.Repeat("n", 255), strings.Repeat("o", 256), strings.Repeat("é", 127), strings.Repeat("é", 128), "")
	created := schema{name: s.name + "-new", keys: []key{{name, "S"}}}
	return step{request: request{op: "CreateTable", body: created.create()}}
}

// longProjected makes a table with an index that projects an attribute with such
// a name.
func (g *gen) longProjected(s schema) step {
	name := pick(g, strings.Repeat("n", 254), strings.Repeat("n", 255), strings.Repeat("o", 256), strings.Repeat("é", 127), strings.Repeat("é", 128), "")
	created := schema{name: s.name + "-new", keys: s.keys[:1], indexes: []index{{"by-x", []key{{"x", "S"}}, false, object{"ProjectionType": "INCLUDE", "NonKeyAttributes": []any{name}}}}}
	return step{request: request{op: "CreateTable", body: created.create()}}
}
