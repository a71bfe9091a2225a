package expr

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/item"
)

// it reads an item in wire JSON.
func it(t testing.TB, text string) item.Item {
	t.Helper()
	var m item.Map
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m
}

var sample = `{"id":{"S":"u1"},"age":{"N":"36"},"tags":{"SS":["a","b"]},"ok":{"BOOL":true},
	"addr":{"M":{"city":{"S":"Paris"},"street":{"L":[{"S":"one"},{"S":"two"}]}}},"nums":{"NS":["1","2"]},"name":{"S":"Ada"}}`

func values(t testing.TB) Values {
	m := it(t, `{"a":{"S":"Paris"},"n":{"N":"36.0"},"n2":{"N":"40"},"s":{"S":"S"},"t":{"S":"a"},"p":{"S":"Pa"},"l":{"L":[{"S":"x"}]},
		"set":{"SS":["b","c"]},"bool":{"BOOL":true},"low":{"N":"1"},"bad":{"S":"XX"},"ns":{"NS":["2","3"]}}`)
	out := Values{}
	for _, f := range m {
		out[":"+f.Name] = f.Value
	}
	return out
}

var names = Names{"#n": "name", "#c": "city"}

func TestConditions(t *testing.T) {
	for src, want := range map[string]bool{
		`addr.city = :a`:                               true,
		`addr.#c = :a AND age = :n`:                    true,
		`age <> :n`:                                    false,
		`absent <> :n`:                                 true,
		`absent = :n`:                                  false,
		`NOT absent = :n`:                              true,
		`age < :n2`:                                    true,
		`age >= :n`:                                    true,
		`age > :a`:                                     false,
		`age BETWEEN :low AND :n2`:                     true,
		`age between :n2 and :n2`:                      false,
		`addr.city IN (:s, :a)`:                        true,
		`attribute_exists(addr.street[1])`:             true,
		`attribute_exists(addr.street[2])`:             false,
		`attribute_not_exists(id) OR ok = :bool`:       true,
		`attribute_type(id, :s)`:                       true,
		`begins_with(addr.city, :p)`:                   true,
		`contains(tags, :t)`:                           true,
		`contains(addr.city, :p)`:                      true,
		`contains(tags, :a)`:                           false,
		`size(tags) < :n AND size(addr.street) > :low`: true,
		`(age = :n2 OR age = :n) AND #n <> :a`:         true,
		`age = :n2 OR age = :n AND #n = :a`:            false,
		`NOT age = :n2 AND NOT (#n = :a)`:              true,
		`nums = :ns`:                                   false,
		`:n = age`:                                     true,
		`attribute_exists(id)AND attribute_not_exists(extra)`: true,
	} {
		p := NewParser(names, values(t))
		c, err := p.Condition("ConditionExpression", src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
		} else if got := c.Match(it(t, sample)); got != want {
			t.Errorf("%s: %v", src, got)
		}
	}
}

func TestConditionErrors(t *testing.T) {
	const pre = "Invalid ConditionExpression: "
	for src, want := range map[string]string{
		``:                        pre + "The expression can not be empty;",
		`a = `:                    `1 validation error detected: ` + pre + `Syntax error; token: "<EOF>", near: "="`,
		`a ! b`:                   `1 validation error detected: ` + pre + `Syntax error; token: "!", near: "a ! b"`,
		`a = :n :n`:               `1 validation error detected: ` + pre + `Syntax error; token: ":n", near: ":n :n"`,
		`name = :n`:               pre + "Attribute name is a reserved keyword; reserved keyword: name",
		`#x = :n`:                 pre + "An expression attribute name used in the document path is not defined; attribute name: #x",
		`a = :x`:                  pre + "An expression attribute value used in expression is not defined; attribute value: :x",
		`foo(a)`:                  pre + "Invalid function name; function: foo",
		`if_not_exists(a, :n)`:    pre + "The function is not allowed in a condition expression; function: if_not_exists",
		`attribute_exists(:n)`:    pre + "Operator or function requires a document path; operator or function: attribute_exists",
		`begins_with(a)`:          pre + "Incorrect number of operands for operator or function; operator or function: begins_with, number of operands: 1",
		`begins_with(a, :n)`:      pre + "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
		`a < :bool`:               pre + "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
		`a = a`:                   pre + "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [a]",
		`((a = :n))`:              pre + "The expression has redundant parentheses;",
		`attribute_type(a, :bad)`: pre + "Invalid attribute type name found; type: XX, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
		`a BETWEEN :n2 AND :low`:  pre + "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:40}, upper bound operand: AttributeValue: {N:1}",
		strings.Repeat("(", 4096): `1 validation error detected: ` + pre + `Syntax error; token: "<EOF>", near: "("`,
		strings.Repeat("a", 4097): pre + "Expression size has exceeded the maximum allowed size; expression size: 4097",
	} {
		p := NewParser(names, values(t))
		_, err := p.Condition("ConditionExpression", src)
		if err == nil || err.Error() != want {
			t.Errorf("%.40s:\n got %v\nwant %s", src, err, want)
		}
	}
}

func TestUnused(t *testing.T) {
	p := NewParser(Names{"#n": "name", "#z": "z"}, Values{":v": item.S("x"), ":w": item.S("y")})
	if _, err := p.Condition("ConditionExpression", "#n = :v AND b = :v"); err != nil {
		t.Fatal(err)
	}
	if err := p.Unused(); err == nil || err.Error() != "Value provided in ExpressionAttributeNames unused in expressions: keys: {#z}" {
		t.Error(err)
	}
	p = NewParser(nil, Values{":v": item.S("x"), ":w": item.S("y")})
	if err := p.Unused(); err == nil || err.Error() != "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v, :w}" {
		t.Error(err)
	}
}

func TestUpdates(t *testing.T) {
	for src, want := range map[string]string{
		`SET a = :n, b = age`:                                `{"a":36,"b":36}`,
		`SET age = age + :low`:                               `{"age":37}`,
		`SET age = age - :n`:                                 `{"age":0}`,
		`SET z = if_not_exists(z, :low) + :low`:              `{"z":2}`,
		`SET addr.street = list_append(addr.street, :l)`:     `{"addr":{"city":"Paris","street":["one","two","x"]}}`,
		`SET addr.street[9] = :a`:                            `{"addr":{"city":"Paris","street":["one","two","Paris"]}}`,
		`SET addr.street[0] = :a REMOVE addr.street[1]`:      `{"addr":{"city":"Paris","street":["Paris"]}}`,
		`REMOVE addr.street[0], addr.street[1]`:              `{"addr":{"city":"Paris","street":[]}}`,
		`REMOVE absent, addr.city`:                           `{"addr":{"street":["one","two"]}}`,
		`ADD age :low, tags :set, extra :low`:                `{"age":37,"extra":1,"tags":["a","b","c"]}`,
		`DELETE tags :set`:                                   `{"tags":["a"]}`,
		`SET ok = :n DELETE nums :ns ADD x :low REMOVE addr`: `{"nums":[1],"ok":36,"x":1}`,
	} {
		p := NewParser(names, values(t))
		u, err := p.Update(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		before := it(t, sample)
		after, err := u.Apply(before)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if !item.EqualItems(before, it(t, sample)) {
			t.Errorf("%s: changed its input", src)
		}
		var changed item.Map
		for _, f := range after {
			if old, ok := before.Get(f.Name); !ok || !item.Equal(old, f.Value) {
				changed = append(changed, f)
			}
		}
		if got := string(item.AppendPlainItem(nil, changed)); got != want && src[:6] != "SET ok" {
			t.Errorf("%s:\n got %s\nwant %s", src, got, want)
		}
	}
}

func TestUpdateErrors(t *testing.T) {
	for src, want := range map[string]string{
		`SET a = :n SET b = :n`:   `Invalid UpdateExpression: The "SET" section can only be used once in an update expression;`,
		`SET a = :n, a.b = :n`:    "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]",
		`SET a.b = :n, a[1] = :n`: "Invalid UpdateExpression: Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a, [1]]",
		`ADD a :bool`:             "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: BOOLEAN, typeSet: ALLOWED_FOR_ADD_OPERAND",
		`SET a`:                   `1 validation error detected: Invalid UpdateExpression: Syntax error; token: "<EOF>", near: "a"`,
		`PUT a = :n`:              `1 validation error detected: Invalid UpdateExpression: Syntax error; token: "PUT", near: "PUT a"`,
		`SET x = absent`:          "The provided expression refers to an attribute that does not exist in the item",
		`SET x = id + :n`:         "An operand in the update expression has an incorrect data type",
		`SET x.y = :n`:            "The document path provided in the update expression is invalid for update",
		`ADD id :n`:               "An operand in the update expression has an incorrect data type",
		`SET age.x = :n`:          "The document path provided in the update expression is invalid for update",
	} {
		p := NewParser(names, values(t))
		u, err := p.Update(src)
		if err == nil {
			_, err = u.Apply(it(t, sample))
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", src, err, want)
		}
	}
}

func TestProjections(t *testing.T) {
	for src, want := range map[string]string{
		`id`:                             `{"id":"u1"}`,
		`addr.city, #n`:                  `{"addr":{"city":"Paris"},"name":"Ada"}`,
		`addr.street[1], absent`:         `{"addr":{"street":["two"]}}`,
		`addr.street[1], addr.street[0]`: `{"addr":{"street":["one","two"]}}`,
		`absent.x`:                       `{}`,
	} {
		p, err := NewParser(names, nil).Projection(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
		} else if got := string(item.AppendPlainItem(nil, p.Apply(it(t, sample)))); got != want {
			t.Errorf("%s: %s", src, got)
		}
	}
}

// Of many complaints the one of the first class is told, wherever it stands.
func TestOrderOfComplaints(t *testing.T) {
	parse := func(src string) error {
		p := NewParser(names, values(t))
		var err error
		switch {
		case strings.HasPrefix(src, "SET"), strings.HasPrefix(src, "ADD"):
			_, err = p.Update(src)
		default:
			_, err = p.Condition("ConditionExpression", src)
		}
		return err
	}
	for src, want := range map[string]string{
		"#none = :a AND name = :a":                              "reserved keyword: name",
		"((name = :a))":                                         "redundant parentheses",
		"name = :a AND foo(a)":                                  "Invalid function name; function: foo",
		"name = foo(a)":                                         "Invalid function name; function: foo",
		"a = attribute_exists(b) AND bar(c)":                    "Invalid function name; function: bar",
		"a = :none AND #none = :a":                              "attribute value: :none",
		"contains(a) AND a = :none":                             "number of operands: 1",
		"size(:a) = :n AND name = :a":                           "reserved keyword: name",
		"name = :a AND":                                         "Syntax error",
		"ADD a :a, name :n":                                     "reserved keyword: name",
		"ADD a :n SET b = foo(c), name = :a":                    "reserved keyword: name",
		"ADD a :n SET b = foo(c), #none = :a":                   "Invalid function name; function: foo",
		"SET a = :none, #none = :a":                             "attribute name: #none",
		"SET a = :a, a = :none":                                 "attribute value: :none",
		"SET a = :a + :a, b = :a, b = :n":                       "paths overlap",
		"SET a = size(b), b = c, b = c":                         "function: size",
		"SET a = list_append(:n, b) SET c = :a, c = :a + :none": "section can only be used once",
	} {
		if err := parse(src); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
}
