package partiql

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/expr"
	"github.com/tablecast/tablecast/item"
)

// lines is the key of the tables in these tests.
var lines = item.KeySchema{Hash: item.KeyAttr{Name: "pk", Kind: item.String}, Range: item.KeyAttr{Name: "sk", Kind: item.String}}

// it reads an item in wire JSON.
func it(t testing.TB, text string) item.Item {
	t.Helper()
	var m item.Map
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return m
}

func parsed[S Statement](t testing.TB, src string, params ...item.Value) S {
	t.Helper()
	s, err := Parse(src, params)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	out, ok := s.(S)
	if !ok {
		t.Fatalf("%s: %T", src, s)
	}
	return out
}

// shown prints an item in wire JSON.
func shown(m item.Item) string { return string(item.AppendJSON(nil, m)) }

func TestLiterals(t *testing.T) {
	for src, want := range map[string]string{
		`{'a': 'it''s', 'b': "q"}`:                      ``,
		`{'a': 'it''s', 'é': 'a--b /*c*/'}`:             `{"a":{"S":"it's"},"é":{"S":"a--b /*c*/"}}`,
		`{'a':1E3,'b':-1.5e-3,'c':2.50,'d':-0}`:         `{"a":{"N":"1000"},"b":{"N":"-0.0015"},"c":{"N":"2.5"},"d":{"N":"0"}}`,
		`{'a':.73e1,'b':- - 1,'c':+5,'d':-/* */-2}`:     `{"a":{"N":"7.3"},"b":{"N":"1"},"c":{"N":"5"},"d":{"N":"2"}}`,
		`{'a':true,'b':FALSE,'c':null}`:                 `{"a":{"BOOL":true},"b":{"BOOL":false},"c":{"NULL":true}}`,
		`{'a':[1,'x',[],{}],'b':{'c':<<'y'>>}}`:         `{"a":{"L":[{"N":"1"},{"S":"x"},{"L":[]},{"M":{}}]},"b":{"M":{"c":{"SS":["y"]}}}}`,
		`{'a':<<1,34,-4.5>>,'b':<<'x','y'>>}`:           `{"a":{"NS":["-4.5","1","34"]},"b":{"SS":["x","y"]}}`,
		`{'a':[<<1>>,<<2>>], -- sets` + "\n" + `'b':?}`: `{"a":{"L":[{"NS":["1"]},{"NS":["2"]}]},"b":{"S":"p"}}`,
		`?`: ``,
		`{'d':` + strings.Repeat(`{'a':`, 31) + `1` + strings.Repeat(`}`, 32): `{"d":` + strings.Repeat(`{"M":{"a":`, 31) + `{"N":"1"}` + strings.Repeat(`}}`, 31) + `}`,
	} {
		s, err := Parse(`INSERT INTO t VALUE `+src, []item.Value{item.S("p")})
		switch {
		case want == "" && err == nil:
			t.Errorf("%s: no error", src)
		case want != "" && err != nil:
			t.Errorf("%s: %v", src, err)
		case want != "":
			if got := shown(s.(*Insert).Item); got != want {
				t.Errorf("%s\n got %s\nwant %s", src, got, want)
			}
		}
	}
	whole := parsed[*Insert](t, `insert into "t" value ?;`, item.M(it(t, `{"pk":{"S":"a"}}`)))
	if got := shown(whole.Item); got != `{"pk":{"S":"a"}}` {
		t.Error(got)
	}
}

// Conditions hold or do not hold for one item.
func TestConditions(t *testing.T) {
	row := it(t, `{"pk":{"S":"a"},"n":{"N":"36"},"s":{"S":"str"},"nul":{"NULL":true},"flag":{"BOOL":true},"ss":{"SS":["a","b"]},
		"m":{"M":{"k k":{"S":"x"},"l":{"L":[{"N":"1"},{"N":"2"}]}}},"order":{"S":"o"}}`)
	for src, want := range map[string]bool{
		`n = 36.0 AND s != 'x'`:                                                  true,
		`36 > n OR s = 'str' AND n <> 36`:                                        false,
		`NOT n = 1 AND NOT (s = 'x' OR n < 5)`:                                   true,
		`n BETWEEN 1 AND ?`:                                                      true,
		`n NOT BETWEEN 1 AND ?`:                                                  false,
		`n IN [1, 36]`:                                                           true,
		`n in (1, ?)`:                                                            false,
		`n NOT IN <<1, 2>>`:                                                      true,
		`nope IS MISSING AND n IS NOT MISSING`:                                   true,
		`nul IS NULL AND s IS NOT NULL AND nope IS NOT NULL`:                     true,
		`nope IS NULL`:                                                           false,
		`flag IS BOOL AND s IS STRING AND m IS STRUCT`:                           true,
		`s IS BOOL`:                                                              false,
		`m."k k" = 'x' AND m['k k'] = 'x' AND m.l[1] = 2`:                        true,
		`"order" = 'o' AND begins_with(s, 'st')`:                                 true,
		`CONTAINS(ss, 'a') AND Contains(s, 'tr')`:                                true,
		`attribute_type(ss, 'SS') AND SIZE(s) = 3`:                               true,
		`attribute_exists(m.l[1]) AND attribute_not_exists(m.l[2])`:              true,
		`attribute_exists(n) = attribute_exists(s)`:                              true,
		`true = attribute_exists(n) AND attribute_exists(n) <> 1`:                true,
		`(n BETWEEN 0 AND 50) = true AND (n = 5 OR s = 'x') = false`:             true,
		`attribute_exists(nope) IN [true, 1] OR attribute_exists(n) = 1`:         false,
		`attribute_exists(nope) IN [true, false] AND attribute_exists(n) = flag`: true,
		`NOT attribute_exists(n) = true`:                                         false,
		`(attribute_exists(n) = true) = false`:                                   false,
		`attribute_exists(n) = s`:                                                false,
		`attribute_exists(n) = true`:                                             true,
		`attribute_exists(nope) = FALSE AND (n = 1) <> true`:                     true,
		`(n = 36) = false`:                                                       false,
		`s < 5`:                                                                  false,
		`nope <> 1`:                                                              true,
	} {
		s := parsed[*Select](t, `SELECT * FROM t WHERE `+src, item.NumOf(40).Value())
		if got := s.where.condition().Match(row); got != want {
			t.Errorf("%s: %v", src, got)
		}
	}
}

func TestProjection(t *testing.T) {
	row := it(t, `{"pk":{"S":"a"},"l":{"L":[{"S":"x"}]},"m":{"M":{"k":{"L":[{"S":"c"}]},"n":{"S":"d"}}}}`)
	for src, want := range map[string]string{
		`*`:                `{"l":{"L":[{"S":"x"}]},"m":{"M":{"k":{"L":[{"S":"c"}]},"n":{"S":"d"}}},"pk":{"S":"a"}}`,
		`m.n, pk, nope`:    `{"n":{"S":"d"},"pk":{"S":"a"}}`,
		`m.k[0], "l"[-0]`:  `{"k[0]":{"S":"c"},"l[0]":{"S":"x"}}`,
		`m.k[0], m.k`:      `{"k":{"L":[{"S":"c"}]},"k[0]":{"S":"c"}}`,
		`m . n -- comment`: `{"n":{"S":"d"}}`,
	} {
		s := parsed[*Select](t, "SELECT "+src+"\nFROM t")
		if got := shown(s.Project(row)); got != want {
			t.Errorf("%s\n got %s\nwant %s", src, got, want)
		}
	}
}

func TestUpdates(t *testing.T) {
	row := it(t, `{"n":{"N":"5"},"l":{"L":[{"N":"1"},{"N":"2"}]},"ss":{"SS":["a","b"]},"ns":{"NS":["1"]},"m":{"M":{"x":{"S":"y"}}}}`)
	for src, want := range map[string]string{
		`SET n=n-1, m.x = 'z'`:                                                                      `{"l":{"L":[{"N":"1"},{"N":"2"}]},"m":{"M":{"x":{"S":"z"}}},"n":{"N":"4"},"ns":{"NS":["1"]},"ss":{"SS":["a","b"]}}`,
		`SET n = 1 + ? SET new = l REMOVE l REMOVE m.x, ss, ns`:                                     `{"m":{"M":{}},"n":{"N":"10"},"new":{"L":[{"N":"1"},{"N":"2"}]}}`,
		`SET l = LIST_APPEND(l, [3]) REMOVE m, n, ss, ns`:                                           `{"l":{"L":[{"N":"1"},{"N":"2"},{"N":"3"}]}}`,
		`SET l = list_append([0], l), l2 = [- 1] REMOVE m, n, ss, ns`:                               `{"l":{"L":[{"N":"0"},{"N":"1"},{"N":"2"}]},"l2":{"L":[{"N":"-1"}]}}`,
		`SET ss = set_add(ss, <<'z'>>) SET ns = SET_ADD(ns, <<1,2>>) REMOVE m, n, l`:                `{"ns":{"NS":["1","2"]},"ss":{"SS":["a","b","z"]}}`,
		`SET ss = set_delete(ss, <<'a', 'b'>>), fresh = set_add(fresh, <<'m'>>) REMOVE m, n, l, ns`: `{"fresh":{"SS":["m"]}}`,
	} {
		for _, whole := range []string{`UPDATE t ` + src + ` WHERE pk = 'a' RETURNING ALL OLD *`, `FROM t WHERE pk = 'a' ` + src + ` RETURNING ALL OLD *`} {
			s := parsed[*Update](t, whole, item.NumOf(9).Value())
			now, err := s.Update.Apply(row)
			if err != nil || shown(now) != want || s.Returning != AllOld || !s.where.is("pk", "=") {
				t.Errorf("%s: %v\n got %s\nwant %s", whole, err, shown(now), want)
			}
		}
	}
}

// Writes name one item by its whole key.
func TestTargets(t *testing.T) {
	const key = `{"pk":{"S":"a"},"sk":{"S":"1"}}`
	for where, want := range map[string]string{
		`pk = 'a' AND sk = '1'`:                          key,
		`('1' = sk AND pk = 'a') AND n = 1 AND pk = 'a'`: key,
		`pk = 'a'`:                                       "Where clause does not contain a mandatory equality on all key attributes",
		`pk IN ['a'] AND sk = '1'`:                       "Where clause does not contain a mandatory equality on all key attributes",
		`pk = 'a' AND sk > '0'`:                          "Where clause does not contain a mandatory equality on all key attributes",
		`pk = 'a' OR sk = '1'`:                           "Where clause does not contain a mandatory equality on all key attributes",
		`pk = 'a' AND sk = '1' AND pk = 'b'`:             "Multiple conditions on same key pk. Only single item Update/Insert/Delete are supported",
		`pk = 'a' AND sk = 1`:                            "Key attribute's data type should match its data type in table's schema: Key sk",
		`pk = 'a' AND sk = '1' AND attribute_exists(pk)`: key,
		`pk = 'a' AND sk = '1' AND NOT (pk = 'b')`:       key,
	} {
		got, _, err := parsed[*Update](t, `UPDATE t SET n = 1 WHERE `+where).Target(lines)
		if text := outcome(got, err); text != want {
			t.Errorf("%s\n got %s\nwant %s", where, text, want)
		}
		got, _, err = parsed[*Delete](t, `DELETE FROM t WHERE `+where).Target(lines)
		if text := outcome(got, err); text != want {
			t.Errorf("DELETE %s\n got %s\nwant %s", where, text, want)
		}
	}
	if _, _, err := parsed[*Delete](t, `DELETE FROM t`).Target(lines); err == nil {
		t.Error("DELETE without WHERE has a target")
	}
}

func outcome(key item.Item, err error) string {
	if err != nil {
		return err.Error()
	}
	return shown(key)
}

// An update is of an item that is there, a delete also of one that is not.
func TestWriteConditions(t *testing.T) {
	there, other := it(t, `{"pk":{"S":"a"},"sk":{"S":"1"},"n":{"N":"1"}}`), it(t, `{"pk":{"S":"a"},"sk":{"S":"1"}}`)
	for where, want := range map[string][6]bool{ // update of there, other, none; delete of the same
		`pk = 'a' AND sk = '1'`:                  {true, true, false, true, true, true},
		`pk = 'a' AND sk = '1' AND n = 1`:        {true, false, false, true, false, true},
		`pk = 'a' AND sk = '1' AND n IS MISSING`: {false, true, false, false, true, true},
	} {
		_, update, err := parsed[*Update](t, `UPDATE t SET x = 1 WHERE `+where).Target(lines)
		if err != nil {
			t.Fatal(err)
		}
		_, remove, err := parsed[*Delete](t, `DELETE FROM t WHERE `+where).Target(lines)
		if err != nil {
			t.Fatal(err)
		}
		got := [6]bool{update.Match(there), update.Match(other), update.Match(nil), remove.Match(there), remove.Match(other), remove.Match(nil)}
		if got != want {
			t.Errorf("%s: %v", where, got)
		}
	}
	insert := parsed[*Insert](t, `INSERT INTO t VALUE {'pk': 'a', 'sk': '1'}`).Condition(lines)
	if insert.Match(there) || !insert.Match(nil) {
		t.Error("an insert is of an item that is not there")
	}
}

func TestReadTargets(t *testing.T) {
	const key = `{"pk":{"S":"a"},"sk":{"S":"1"}}`
	for where, want := range map[string]string{
		`pk = 'a' AND sk = '1'`:                      key,
		`pk IN ['a'] AND sk IN ['1'] AND (sk = '1')`: key,
		`pk = 'a'`:                           "no",
		`pk = 'a' AND sk = '1' AND n = 1`:    "no",
		`pk = 'a' AND sk = '1' AND pk = 'b'`: "no",
		`pk IN ['a', 'a'] AND sk = '1'`:      "Overlapping conditions with range keys are not supported in where clause",
		`pk = 'a' AND sk = 1`:                "Key attribute's data type should match its data type in table's schema: Key sk",
	} {
		got, ok, err := parsed[*Select](t, `SELECT * FROM t WHERE `+where).Target(lines)
		text := outcome(got, err)
		if err == nil && !ok {
			text = "no"
		}
		if text != want {
			t.Errorf("%s\n got %s\nwant %s", where, text, want)
		}
	}
	if _, ok, _ := parsed[*Select](t, `SELECT * FROM t."i" WHERE pk = 'a' AND sk = '1'`).Target(lines); ok {
		t.Error("a read of an index has a target")
	}
	for where, want := range map[string]string{
		`pk = 'a' AND sk = '1' AND n IS MISSING`: key,
		`pk = 'a' AND sk = '1' AND pk = 'b'`:     key,
		`pk = 'a' AND sk = '1'`:                  "EXISTS() must contain a single item read with additional condition",
		`pk = 'a' AND n = 1`:                     "EXISTS() must contain a single item read with additional condition",
		`pk IN ['a'] AND sk = '1' AND n = 1`:     "EXISTS() must contain a single item read with additional condition",
	} {
		got, _, err := parsed[*Exists](t, `EXISTS(SELECT * FROM t WHERE `+where+`)`).Target(lines)
		if text := outcome(got, err); text != want {
			t.Errorf("%s\n got %s\nwant %s", where, text, want)
		}
	}
}

func TestReturning(t *testing.T) {
	for clause, want := range map[string]Returning{
		``: None, `RETURNING ALL OLD *`: AllOld, `returning all new *`: AllNew, `RETURNING MODIFIED OLD *`: ModifiedOld, `RETURNING MODIFIED NEW *;`: ModifiedNew,
	} {
		if got := parsed[*Update](t, `UPDATE t SET a = 1 WHERE pk = 'a' `+clause).Returning; got != want {
			t.Errorf("%s: %v", clause, got)
		}
	}
}

func TestSource(t *testing.T) {
	s := parsed[*Select](t, `select * from "a-b"."i.x" order by sk desc, pk`)
	want := &Select{table: "a-b", Index: "i.x", order: []order{{"sk", true}, {"pk", false}}}
	if diff := cmp.Diff(want, s, cmp.AllowUnexported(Select{}), cmp.Comparer(func(a, b expr.Path) bool { return a.String() == b.String() })); diff != "" {
		t.Error(diff)
	}
	if s.Table() != "a-b" {
		t.Error(s.Table())
	}
}
