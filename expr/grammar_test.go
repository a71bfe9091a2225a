package expr

import (
	"strings"
	"testing"

	"github.com/tablecast/tablecast/item"
)

const syntaxError = "Syntax error; token: "

// grammarCases are texts of conditions and what is wrong with them; empty is
// nothing.
var grammarCases = map[string]string{
	// Operands in parentheses.
	`(age) = :n`:                                        "",
	`age = (:n)`:                                        "",
	`(age) IN ((:low), :n2, (:n))`:                      "",
	`(age) BETWEEN (:low) AND (:n2)`:                    "",
	`(size(tags)) > (:low)`:                             "",
	`((size((tags))) > :low)`:                           "",
	`attribute_exists((age))`:                           "",
	`(attribute_exists(age))`:                           "",
	`NOT (attribute_exists((absent)))`:                  "",
	`begins_with((addr.city), (:p))`:                    "",
	`((age) = :n OR (age) = (:low)) AND (ok = (:bool))`: "",
	`((age = :n) AND (ok = :bool))`:                     "",
	`((age)) = :n`:                                      "redundant parentheses",
	`age = ((:n))`:                                      "redundant parentheses",
	`age IN (((:n)))`:                                   "redundant parentheses",
	`attribute_exists(((age)))`:                         "redundant parentheses",
	`size(((tags))) > :n`:                               "redundant parentheses",
	`((attribute_exists(age)))`:                         "redundant parentheses",
	`ok = :bool AND ((age = :n OR age = :low))`:         "redundant parentheses",
	`((age = :n)) AND`:                                  "redundant parentheses",
	`foo(((:n)))`:                                       "redundant parentheses",
	`(age)`:                                             syntaxError + `"<EOF>", near: ")"`,
	`(age) AND ok = :bool`:                              syntaxError + `"AND", near: ") AND ok"`,
	`age`:                                               syntaxError + `"<EOF>", near: "age"`,
	`(age = :n`:                                         syntaxError + `"<EOF>", near: ":n"`,
	`age = :n)`:                                         syntaxError + `")", near: ":n)"`,
	`age = (ok = :bool)`:                                syntaxError + `"=", near: "ok = :bool"`,
	`(age = :n) = :bool`:                                syntaxError + `"=", near: ") = :bool"`,
	`(addr).city = :a`:                                  syntaxError + `".", near: ").city"`,
	`(size(tags)).b > :n`:                               syntaxError + `".", near: ").b"`,
	`size(tags)[0] > :n`:                                syntaxError + `"[", near: ")[0"`,
	`addr.(city) = :a`:                                  syntaxError + `"(", near: ".(city"`,
	`age IN ()`:                                         syntaxError + `")", near: "()"`,
	`age IN :n`:                                         syntaxError + `":n", near: "IN :n"`,
	`NOT age`:                                           syntaxError + `"<EOF>", near: "age"`,
	`age = :n = :n`:                                     syntaxError + `"=", near: ":n = :n"`,

	// Functions are judged by where they stand.
	`size(:a) > :n`:                                "",
	`size(:set) = :n`:                              "",
	`size(tags) = size(:set)`:                      "",
	`size(:n) > :n`:                                "operator or function: size, operand type: N",
	`size(:bool) > :n`:                             "operator or function: size, operand type: BOOL",
	`size(size(tags)) = :n`:                        "operator or function: size, operand type: N",
	`attribute_not_exists(size(:n))`:               "operator or function: size, operand type: N",
	`attribute_not_exists(size(:a))`:               "requires a document path; operator or function: attribute_not_exists",
	`begins_with(size(age), :a)`:                   "operator or function: begins_with, operand type: N",
	`attribute_type(age, size(tags))`:              "operator or function: attribute_type, operand type: N",
	`attribute_type(age, tags)`:                    "operator or function: attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}",
	`size(tags, age) > :n`:                         "operator or function: size, number of operands: 2",
	`begins_with(age, size(tags), :n)`:             "operator or function: begins_with, number of operands: 3",
	`attribute_exists(age, tags)`:                  "operator or function: attribute_exists, number of operands: 2",
	`dog(age)`:                                     "Invalid function name; function: dog",
	`age = dog(tags)`:                              "Invalid function name; function: dog",
	`Size(age) > :n`:                               "Invalid function name; function: Size",
	`age < f(f(f(tags)))`:                          "Invalid function name; function: f",
	`size(tags)`:                                   "not allowed to be used this way in an expression; function: size",
	`(size(tags))`:                                 "not allowed to be used this way in an expression; function: size",
	`attribute_exists(age) = :bool`:                "not allowed to be used this way in an expression; function: attribute_exists",
	`(attribute_exists(age)) = :bool`:              "not allowed to be used this way in an expression; function: attribute_exists",
	`contains(age, contains(tags, :t))`:            "not allowed to be used this way in an expression; function: contains",
	`attribute_exists(contains(tags, :t)) = :bool`: "not allowed to be used this way in an expression; function: attribute_exists",
	`age IN (:n, attribute_exists(tags))`:          "not allowed to be used this way in an expression; function: attribute_exists",
	`age BETWEEN :low AND begins_with(tags, :t)`:   "not allowed to be used this way in an expression; function: begins_with",
	`if_not_exists(age, :n) = :n`:                  "not allowed in a condition expression; function: if_not_exists",
	`list_append(age, :l)`:                         "not allowed in a condition expression; function: list_append",

	// Names, indexes and paths.
	`a_1 = :n`:                               "",
	`addr.street[0] = :a`:                    "",
	`l[2147483647] = :n`:                     "",
	`_a = :n`:                                syntaxError + `"_", near: "_a"`,
	`age = :n AND __typename = :a`:           syntaxError + `"_", near: "AND __"`,
	`_f(age)`:                                syntaxError + `"_", near: "_f"`,
	`addr._x = :n`:                           syntaxError + `"_", near: "._x"`,
	`1a = :n`:                                syntaxError + `"1", near: "1a"`,
	`l[01] = :n`:                             syntaxError + `"1", near: "01]"`,
	`l[-1] = :n`:                             syntaxError + `"-", near: "[-1"`,
	`l[1.5] = :n`:                            syntaxError + `".", near: "1.5"`,
	`l[:n] = :n`:                             syntaxError + `":n", near: "[:n]"`,
	`l[2147483648] = :n`:                     "List index is not within the allowable range; index: [2147483648]",
	`l[99999999999999999999] = :n`:           "List index is not within the allowable range; index: [99999999999999999999]",
	`age > between`:                          syntaxError + `"between", near: "> between"`,
	`set = :n`:                               syntaxError + `"set", near: "set ="`,
	`in (age)`:                               syntaxError + `"in", near: "in ("`,
	`and(age)`:                               syntaxError + `"and", near: "and("`,
	"m" + strings.Repeat(".m", 31) + " = :n": "",
	"m" + strings.Repeat(".m", 32) + " = :n": "The document path has too many nesting levels; nesting levels: 33",
	"m" + strings.Repeat("[0]", 32) + " = :n":             "The document path has too many nesting levels; nesting levels: 33",
	"attribute_exists(m" + strings.Repeat(".m", 32) + ")": "The document path has too many nesting levels; nesting levels: 33",

	// Nesting is bounded by the number of operators alone.
	"age<:n " + strings.Repeat("or (age<:n ", 149) + strings.Repeat(")", 149):   "",
	"age<:n " + strings.Repeat("or (age<:n ", 150) + strings.Repeat(")", 150):   "The expression contains too many operators; operator count: 301",
	strings.Repeat("not ", 299) + "age<:n":                                      "",
	strings.Repeat("not ", 300) + "age<:n":                                      "The expression contains too many operators; operator count: 301",
	strings.Repeat("not (", 299) + "age<:n" + strings.Repeat(")", 299):          "",
	strings.Repeat("not ", 1000) + "age<:n =":                                   syntaxError,
	strings.Repeat("(", 2046) + "age<:n" + strings.Repeat(")", 2044):            "redundant parentheses",
	"age < " + strings.Repeat("size(", 600) + "tags" + strings.Repeat(")", 600): "operator or function: size, operand type: N",
	"age < " + strings.Repeat("f(", 1300) + "tags" + strings.Repeat(")", 1300):  "Invalid function name; function: f",
}

func TestGrammarOfConditions(t *testing.T) {
	for src, want := range grammarCases {
		p := NewParser(names, values(t))
		c, err := p.Condition("FilterExpression", src)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%.80s:\n got %v\nwant %s", src, err, want)
		case err == nil:
			c.Match(it(t, sample))
		}
	}
}

func TestSizeOfValues(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "abc": 3, "ü": 1, "日本": 2, "😀": 2, "a😀ü": 4, "e\u0301": 2} {
		vals := Values{":t": item.S(text), ":n": item.NumOf(want).Value()}
		for _, src := range []string{"size(a) = :n", "size(:t) = :n AND a = :t"} {
			c, err := NewParser(nil, vals).Condition("FilterExpression", src)
			if err != nil {
				t.Fatal(err)
			}
			if !c.Match(item.MapOf(item.Field{Name: "a", Value: item.S(text)})) {
				t.Errorf("%s of %q is not %d", src, text, want)
			}
		}
	}
}

func TestGrammarOfUpdates(t *testing.T) {
	for src, want := range map[string]string{
		`SET a = (:n)`:                       "",
		`SET a = (age)`:                      "",
		`SET a = (age + :n)`:                 "",
		`SET a = (age) + (:n)`:               "",
		`SET a = ((age) + (:n))`:             "",
		`SET a = (if_not_exists((x), (:n)))`: "",
		`SET a = if_not_exists(x, if_not_exists(y, :n)) + if_not_exists(x, :n)`: "",
		`SET a = list_append(if_not_exists(x, :l), (:l))`:                       "",
		`SET a = (list_append(:l, :l))`:                                         "",
		`SET a = ((:n))`:                                                        "redundant parentheses",
		`SET a = ((age + :n))`:                                                  "redundant parentheses",
		`SET a = ((age)) + :n`:                                                  "redundant parentheses",
		`SET a = age + ((:n))`:                                                  "redundant parentheses",
		`SET a = if_not_exists(((x)), :n)`:                                      "redundant parentheses",
		`SET a = age + :n + :n`:                                                 syntaxError + `"+", near: ":n + :n"`,
		`SET a = (age + :n) + :n`:                                               syntaxError + `"+", near: ") + :n"`,
		`SET a = :n + (age + :n)`:                                               syntaxError + `"+", near: "age + :n"`,
		`SET a = if_not_exists(x, :n + :n)`:                                     syntaxError + `"+", near: ":n + :n"`,
		`SET (a) = :n`:                                                          syntaxError + `"(", near: "SET (a"`,
		`SET (a = :n)`:                                                          syntaxError,
		`SET a = (addr).city`:                                                   syntaxError,
		`SET a = set`:                                                           syntaxError + `"set", near: "= set"`,
		`SET a = b / c`:                                                         syntaxError,
		`SET _a = :n`:                                                           syntaxError + `"_", near: "SET _a"`,
		`SET a = _f(b)`:                                                         syntaxError + `"_", near: "= _f"`,
		`REMOVE add`:                                                            syntaxError + `"add", near: "REMOVE add"`,
		`SET REMOVE a`:                                                          syntaxError + `"REMOVE", near: "SET REMOVE a"`,
		`ADD a (:n)`:                                                            syntaxError + `"(", near: "a (:n"`,
		`ADD a size(b)`:                                                         syntaxError + `"size", near: "a size("`,
		`REMOVE l[01]`:                                                          syntaxError + `"1", near: "01]"`,
		`REMOVE l[2147483648]`:                                                  "List index is not within the allowable range; index: [2147483648]",
		`SET a = dog(b)`:                                                        "Invalid function name; function: dog",
		`SET a = LIST_APPEND(b, :l)`:                                            "Invalid function name; function: LIST_APPEND",
		`SET a = size(b)`:                                                       "not allowed in an update expression; function: size",
		`SET a = attribute_exists(b)`:                                           "not allowed in an update expression; function: attribute_exists",
		`SET a = list_append(list_append(:l, :l), :l)`:                          "not allowed to be used this way in an expression; function: list_append",
		`SET a = list_append(:l, (list_append(:l, :l)))`:                        "not allowed to be used this way in an expression; function: list_append",
		`SET a = if_not_exists(x, list_append(:l, :l))`:                         "not allowed to be used this way in an expression; function: list_append",
		`SET a = list_append(:l, :l) + :n`:                                      "not allowed to be used this way in an expression; function: list_append",
		`SET a = :n - (list_append(:l, :l))`:                                    "not allowed to be used this way in an expression; function: list_append",
		`SET a = if_not_exists(if_not_exists(x, :n), :n)`:                       "requires a document path; operator or function: if_not_exists",
		`SET a = if_not_exists(:n, :n)`:                                         "requires a document path; operator or function: if_not_exists",
		`SET a = if_not_exists(x)`:                                              "operator or function: if_not_exists, number of operands: 1",
		`SET a = list_append(x, :l, :l)`:                                        "operator or function: list_append, number of operands: 3",
		`SET a = if_not_exists(:none)`:                                          "attribute value: :none",
		"SET m" + strings.Repeat(".m", 32) + " = :n":                            "The document path has too many nesting levels; nesting levels: 33",
		"SET a = " + strings.Repeat("if_not_exists(b,", 240) + ":n" + strings.Repeat(")", 240): "",
		"SET a = " + strings.Repeat("(", 2000) + ":n" + strings.Repeat(")", 2000):              "redundant parentheses",
	} {
		_, err := NewParser(names, values(t)).Update(src)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.80s:\n got %v\nwant %s", src, err, want)
		}
	}
	// ADD and DELETE are no operators.
	var many []string
	for i := range 400 {
		many = append(many, "x"+strings.Repeat("b", i%3)+string(rune('a'+i/3%26))+string(rune('a'+i/78))+" :n")
	}
	if _, err := NewParser(nil, values(t)).Update("ADD " + strings.Join(many, ", ")); err != nil {
		t.Error(err)
	}
}

func TestGrammarOfProjections(t *testing.T) {
	for src, want := range map[string]string{
		`a, l[0].b`:                    "",
		`a.b.c, l[2147483647]`:         "",
		`_a`:                           syntaxError + `"_", near: "_a"`,
		`a, not`:                       syntaxError + `"not", near: ", not"`,
		`a..b`:                         syntaxError + `".", near: "..b"`,
		`(a)`:                          syntaxError + `"(", near: "(a"`,
		`l[01]`:                        syntaxError + `"1", near: "01]"`,
		`l[2147483648]`:                "List index is not within the allowable range; index: [2147483648]",
		"m" + strings.Repeat(".m", 31): "",
		"m" + strings.Repeat(".m", 32): "The document path has too many nesting levels; nesting levels: 33",
	} {
		_, err := NewParser(names, nil).Projection(src)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.80s:\n got %v\nwant %s", src, err, want)
		}
	}
}
