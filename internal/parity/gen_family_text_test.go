package parity

import "unicode/utf16"

// sizeOfText compares the size of a text with its bytes, characters and UTF-16
// units.
func (g *gen) sizeOfText(s schema) step {
	text := pick(g, "é", "€", "😀", "a😀", "ä€😀", "日本語", "e\u0301", "👩‍👩‍👧", "a")
	size := pick(g, len(text), len([]rune(text)), len(utf16.Encode([]rune(text))))
	all := object{":t": object{"S": text}, ":n": number(size)}
	condition := pick(g, "size(x1) = :n", "size(x1) <= :n", "size(m.x) = :n", "size(x1) BETWEEN :n AND :n", ":n = size(x1)", "size(x1) IN (:n)", "size(:t) = :n")
	stored := object{"x1": object{"S": text}, "m": object{"M": object{"x": object{"S": text}}}}
	if g.chance(30) {
		st := g.upon(s, stored, "Scan", using(object{"FilterExpression": condition}, all))
		delete(st.body, "Key")
		st.pages, st.unsorted = true, true
		return st
	}
	return g.upon(s, stored, "UpdateItem", using(object{"UpdateExpression": "REMOVE b", "ConditionExpression": condition}, all))
}

// Expressions with operands in parentheses, which are about operandsInItem, by what
// they are for.
var (
	operandsInItem = object{"x1": object{"S": "a"}, "n3": number(1), "l": list()}

	updatesInParentheses = []string{
		"SET x1 = (:v)", "SET b = (:n + :n)", "SET b = (:n) + (:n)", "SET b = ((:n + :n))", "SET b = ((:n) + :n)", "SET l = list_append((l), (:l))",
		"SET x1 = if_not_exists((x1), (:v))", "SET x1 = (if_not_exists(x1, :v))", "SET x1 = ((:v))", "REMOVE (x1)", "ADD n3 (:n)", "SET (x1) = :v", "SET b = (:n", "SET b = (n3)", "SET b = (n3 + :n)", "DELETE x1 (:v)",
	}
	partitionsInParentheses = []string{"(pk) = :p", "pk = (:p)", "(pk = :p)", "((pk) = (:p))", "((pk = :p))", "((pk)) = :p", "pk = ((:p))", "(:p) = pk"}
	keysInParentheses       = []string{
		"(pk) = :p AND (sk) > (:s)", "(pk = :p) AND (sk = :s)", "pk = :p AND (sk BETWEEN (:s) AND (:s))", "pk = :p AND begins_with((sk), :s)", "(pk = :p AND sk = :s)",
		"((pk = :p) AND (sk = :s))", "pk = :p AND ((sk = :s))", "(pk = :p) AND (begins_with(sk, (:s)))", "((pk = :p) AND sk = :s)",
	}
	conditionsInParentheses = []string{
		"(x1) = :v", "x1 = (:v)", "x1 IN ((:v), :w)", "x1 IN ((:v))", "(size(x1)) >= :n", "size((x1)) >= :n", "attribute_exists((x1))", "(x1) BETWEEN (:v) AND (:w)",
		"begins_with((x1), (:v))", "contains(x1, (:v))", "((x1)) = :v", "((x1) = :v)", "NOT ((x1) = (:v))", "x1 IN (((:v)), :w)", "attribute_type((x1), (:t))", "(x1) IN (:v)",
		"size(((x1))) >= :n", "(x1 = :v) AND (:v = x1)", "(x1, :v)", "(x1)", "((x1 = :v) OR (x1 = :w))", "NOT (NOT (x1 = :v))", "(NOT x1 = :v)", "x1 = (:v", "()", "(x1) = (x1)",
	}
)

// parentheses writes operands in parentheses.
func (g *gen) parentheses(s schema) step {
	all := object{":v": object{"S": "a"}, ":w": object{"S": "b"}, ":n": number(1), ":t": object{"S": "S"}, ":l": list(number(1)), ":p": g.keyValue(s.keys[0].kind), ":s": g.keyValue(s.keys[len(s.keys)-1].kind)}
	switch g.IntN(3) {
	case 0:
		return g.upon(s, operandsInItem, "UpdateItem", using(object{"UpdateExpression": pick(g, updatesInParentheses...)}, all))
	case 1:
		expressions := partitionsInParentheses
		if len(s.keys) > 1 {
			expressions = keysInParentheses
		}
		return step{request: request{op: "Query", body: using(object{"TableName": s.name, "KeyConditionExpression": pick(g, expressions...)}, all)}}
	default:
		body := object{"ConditionExpression": pick(g, conditionsInParentheses...)}
		op := pick(g, "DeleteItem", "UpdateItem")
		if op == "UpdateItem" {
			body["UpdateExpression"] = "REMOVE b"
		}
		return g.upon(s, operandsInItem, op, using(body, all))
	}
}
