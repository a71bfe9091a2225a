package partiql

import (
	"strings"
	"testing"

	"github.com/tablecast/tablecast/item"
)

// Texts recorded from the service.
func TestErrors(t *testing.T) {
	const (
		notWellFormed = "Statement wasn't well formed, can't be processed: "
		leftover      = notWellFormed + "Unexpected token after expression"
		overflow      = "Number overflow. Attempting to store a number with magnitude larger than supported range under root"
		aliasing      = "Aliasing is not supported"
		dots          = "Statement wasn't well formed, can't be processed: Invalid path dot component"
		set           = `UPDATE t SET `
		key           = ` WHERE pk = 'a'`
	)
	for src, want := range map[string]string{
		``:                                                                         notWellFormed + "Expected data manipulation",
		`SLECT * FROM t`:                                                           notWellFormed + "Expected data manipulation",
		`UPDATE Payment-x SET a = 1`:                                               notWellFormed + "Expected data manipulation",
		strings.Repeat(" ", MaxLength+1):                                           notWellFormed,
		`SELECT * FROM t WHERE pk = 1 foo`:                                         leftover,
		`SELECT * FROM t WHERE pk = 1 e5`:                                          leftover,
		`SELECT * FROM t WHERE pk = 1)`:                                            leftover,
		`INSERT INTO t VALUE {'pk': 1} foo`:                                        leftover,
		`INSERT INTO "t" x VALUE {'pk': 'x'}`:                                      leftover,
		`UPDATE t SET a = 9 WHERE pk = 1 foo`:                                      leftover,
		`DELETE FROM t WHERE pk = 1 foo`:                                           leftover,
		`DELETE FROM t WHERE pk = 1 ORDER BY a`:                                    leftover,
		`SELECT * FROM t ORDER BY a WHERE a = 1`:                                   leftover,
		`SELECT * FROM t WHERE pk = 1e2147483648`:                                  notWellFormed,
		`SELECT * FROM t WHERE pk = 1e99999999999`:                                 notWellFormed,
		`SELECT * FROM t WHERE pk = 1.5e-2147483647`:                               notWellFormed,
		`SELECT * FROM t WHERE pk = 1 # note`:                                      notWellFormed,
		`SELECT * FROM t WHERE pk = 1 /* note`:                                     notWellFormed,
		`SELECT * FROM "t`:                                                         notWellFormed,
		`SELECT * FROM t WHERE pk = 'x`:                                            notWellFormed,
		`SELECT * FROM "t" x WHERE pk = 'x'`:                                       aliasing,
		`SELECT * FROM "t" AS x WHERE pk = 'x'`:                                    aliasing,
		`UPDATE "t" x SET a = 3`:                                                   aliasing,
		`DELETE FROM "t" x`:                                                        aliasing,
		`SELECT * FROM t WHERE pk = 1e126`:                                         overflow,
		`INSERT INTO t VALUE {'m': {'x': 1e126}}`:                                  overflow + ".x",
		`INSERT INTO t VALUE {'l': [1, 1e126]}`:                                    overflow + "[1]",
		`UPDATE t SET a = 1e-131 WHERE pk = 1`:                                     "Number underflow. Attempting to store a number with magnitude smaller than supported range under root",
		`SELECT * FROM t WHERE pk = 123456789012345678901234567890123456789`:       "Attempting to store more than 38 significant digits in a Number under root",
		`SELECT * FROM t WHERE`:                                                    notWellFormed + "Unexpected term",
		`SELECT * FROM t WHERE;`:                                                   notWellFormed + "Unexpected term",
		`DELETE FROM t WHERE`:                                                      notWellFormed + "Unexpected term",
		`SELECT * FROM t WHERE NOT`:                                                notWellFormed + "Unexpected term",
		`SELECT * FROM t WHERE (`:                                                  notWellFormed + "Unexpected term",
		`SELECT * FROM t WHERE pk = 'a' AND`:                                       notWellFormed + "Missing right-hand side expression of infix operator",
		`SELECT * FROM t WHERE pk = 'a' OR`:                                        notWellFormed + "Missing right-hand side expression of infix operator",
		`SELECT * FROM t WHERE ORDER BY pk`:                                        notWellFormed + "Unexpected keyword",
		`SELECT * FROM t WHERE x IS FOO`:                                           notWellFormed + "Expected type name",
		`SELECT * FROM t WHERE IS NULL`:                                            notWellFormed + "Unexpected operator",
		`SELECT * FROM t WHERE pk = LIKE`:                                          notWellFormed + "Unexpected operator",
		`SELECT * FROM t WHERE pk = 1 AND a.`:                                      dots,
		`DELETE FROM`:                                                              notWellFormed + "Expected identifier for simple path",
		`DELETE FROM;`:                                                             notWellFormed + "Expected identifier for simple path",
		`DELETE FROM WHERE pk = 'a'`:                                               notWellFormed + "Expected identifier for simple path",
		`SELECT * FROM`:                                                            notWellFormed + "Unexpected term",
		`SELECT * FROM t."i"."x" WHERE pk = 'a'`:                                   "A path may contain at most 2 components in the FROM clause",
		`SELECT * FROM t."" WHERE pk = 'a'`:                                        "Path component cannot be an empty string",
		`SELECT * FROM "" WHERE pk = 'a'`:                                          "Path component cannot be an empty string",
		`DELETE FROM t."i" WHERE pk = 'a'`:                                         "This operation is not supported on an index",
		`SELECT *, a FROM t`:                                                       "Other attributes should not be present in the projection when '*' is used.",
		`SELECT attribute_exists(ss) FROM t`:                                       "Unexpected path component at 1:8:16",
		`SELECT l[-1] FROM t`:                                                      "List index is not within the allowable range; index: [-1] at 1:11:1",
		`SELECT l[2147483648] FROM t`:                                              "List index is not within the allowable range; index: [2147483648] at 1:10:10",
		`SELECT * FROM t WHERE a = ? AND b = ?`:                                    "Number of parameters in request and statement don't match.",
		`SELECT * FROM t WHERE val < true`:                                         "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
		`SELECT * FROM t WHERE val BETWEEN true AND 1`:                             "Incorrect operand type for operator or function; operator or function: BETWEEN, operand type: BOOL",
		`SELECT * FROM t WHERE attribute_exists('s')`:                              "Operator or function requires a document path; operator or function: attribute_exists",
		`SELECT * FROM t WHERE attribute_exists(?)`:                                "Operator or function requires a document path; operator or function: attribute_exists",
		`SELECT * FROM t WHERE attribute_exists()`:                                 "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 0",
		`SELECT * FROM t WHERE attribute_exists(a,b)`:                              "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2",
		`SELECT * FROM t WHERE attribute_type(l, 1)`:                               "Incorrect operand type for operator or function; operator or function: attribute_type, operand type: N",
		`SELECT * FROM t WHERE attribute_type(l,'X')`:                              "Invalid attribute type name found; type: X, valid types: {N,BS,L,B,NULL,M,S,SS,NS,BOOL}",
		`SELECT * FROM t WHERE EXISTS(ss)`:                                         "Unrecognized function: exists at 1:23:6",
		"SELECT * FROM t\nWHERE  set_add(ss) = 1":                                  "Unrecognized function: set_add at 2:8:7",
		`SELECT * FROM t WHERE a = set_add(ss)`:                                    "Unrecognized function: set_add at 1:27:7",
		`SELECT * FROM t WHERE size('a') = 1`:                                      "Operator or function requires a document path; operator or function: size",
		`SELECT * FROM t WHERE a IN [` + strings.Repeat(`1,`, 100) + `1]`:          "The IN operator is provided with too many operands; number of operands: 101",
		`SELECT * FROM t WHERE a`:                                                  notWellFormed + "Unexpected term",
		`SELECT * FROM t WHERE a = -?`:                                             notWellFormed,
		`SELECT * FROM t WHERE a = -n`:                                             notWellFormed,
		`SELECT * FROM t WHERE ` + strings.Repeat("(", 4096):                       "The expression has too many nested levels; nesting levels: 129",
		`SELECT * FROM t WHERE ` + strings.Repeat("NOT ", 2000):                    "The expression has too many nested levels; nesting levels: 129",
		`INSERT INTO t (a) VALUES (1)`:                                             notWellFormed + "Unexpected keyword",
		`INSERT INTO t VALUE {'s': <<>>}`:                                          "Empty bags are not supported",
		`INSERT INTO t VALUE {'s': <<1, 'a'>>}`:                                    "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags",
		`INSERT INTO t VALUE {'s': <<[]>>}`:                                        "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags",
		`INSERT INTO t VALUE {'s': set_add(a)}`:                                    "Unsupported data type: set_add under key root at 1:27:7",
		`INSERT INTO t VALUE {'m':{'k':?}}`:                                        "Unsupported data type: Parameter under key root.k at 1:31:1",
		`INSERT INTO t VALUE 'x'`:                                                  notWellFormed + "Expected a tuple in VALUE",
		set + `x = [?]` + key:                                                      "Unsupported data type: Parameter under key root[0] at 1:19:1",
		set + `n = set_add(n, <<2, 2.0>>)` + key:                                   "One or more parameter values were invalid: Input collection [2, 2.0] contains duplicates! under root",
		set + `d = ` + strings.Repeat("{'a':", 32) + "1" + strings.Repeat("}", 32): "Nesting Levels have exceeded supported limits under root" + strings.Repeat(".a", 32),
		set + `d = {'a':` + strings.Repeat("[", 31) + "1" + strings.Repeat("]", 31) + "}": "Nesting Levels have exceeded supported limits under root.a" + strings.Repeat("[0]", 31),
		set + `n = 'a' + 1` + key:                           "Incorrect operand type for operator or function; operator or function: +, operand type: S",
		set + `n = n - null` + key:                          "Incorrect operand type for operator or function; operator or function: -, operand type: NULL",
		set + `t = set_add(ss, <<'x'>>)` + key:              "The first argument to SET_ADD must equal the assignment value at 1:18:7",
		set + `ss = set_add(<<'a'>>, <<'b'>>)` + key:        "The first argument to SET_ADD must equal the assignment value at 1:19:7",
		set + `ss = set_add(ss, 'x')` + key:                 "The second argument to SET_ADD must be a value with type SET at 1:27:2",
		set + `"ss" = set_delete("ss", ['x'])` + key:        "The second argument to SET_DELETE must be a value with type SET at 1:32:4",
		set + `ss = set_add(ss)` + key:                      "SET_ADD must have exactly two arguments at 1:19:7",
		set + `ss = set_add()` + key:                        "SET_ADD must have exactly two arguments at 1:19:7",
		set + `a = upper(b)` + key:                          "Unrecognized function: upper at 1:18:5",
		set + `a = 1, a.b = 2` + key:                        "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a, b]",
		`DELETE FROM t` + key + ` RETURNING MODIFIED OLD *`: "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed in DELETE statements.",
		`DELETE FROM t` + key + ` RETURNING ALL NEW *`:      "Invalid returning clause: RETURNING ALL NEW *. Only RETURNING ALL OLD * is allowed in DELETE statements.",
		`SELECT * FROM t WHERE attribute_exists(n) > false`: "Incorrect operand type for operator or function; operator or function: >, operand type: BOOL",
		`FROM t SET c = 1 WHERE pk = 'a'`:                   leftover,
		`FROM t SET c = 1 WHERE pk = 'a' SET d = 2`:         leftover,
		`FROM t WHERE pk = 'a'`:                             notWellFormed + "Expected data manipulation",
		`EXISTS(SELECT * FROM t`:                            notWellFormed + "Unexpected term",
	} {
		_, err := Parse(src, []item.Value{item.S("p")})
		if err == nil || err.Error() != want {
			t.Errorf("%.120s\n got %v\nwant %s", src, err, want)
		}
	}
}

func TestDuplicatesInABag(t *testing.T) {
	_, err := Parse(`INSERT INTO t VALUE {'s': <<'a', 'a'>>}`, nil)
	if err == nil || !strings.HasSuffix(err.Error(), "One or more parameter values were invalid: Input collection [a, a] contains duplicates.") {
		t.Error(err)
	}
}

// No value is deeper than the steps of a path may go.
func TestPathsAreBounded(t *testing.T) {
	for _, src := range []string{
		`SELECT * FROM t WHERE a` + strings.Repeat(".a", 32) + ` = 1`,
		`SELECT a` + strings.Repeat("[0]", 2700) + ` FROM t`,
		`UPDATE t REMOVE a` + strings.Repeat("['b']", 32) + ` WHERE pk = 'a'`,
	} {
		const want = "The document path has too many nesting levels; nesting levels: 33"
		if _, err := Parse(src, nil); err == nil || err.Error() != want {
			t.Errorf("%.40s: %v", src, err)
		}
	}
	if _, err := Parse(`SELECT a`+strings.Repeat(".a", 31)+` FROM t`, nil); err != nil {
		t.Error(err)
	}
}
