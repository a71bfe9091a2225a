package dynamodb_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// sized are the values of the expressions in this file.
func sized(src string) attrs {
	all := attrs{":n": n(2), ":s": s("a😀"), ":l": list(n(1)), ":yes": &types.AttributeValueMemberBOOL{Value: true}, ":text": s("e1")}
	out := attrs{}
	for name, v := range all {
		if strings.Contains(src, name) {
			out[name] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// Operands stand in parentheses, size counts UTF-16, and functions are judged by
// where they stand, in filters, conditions, transactions and updates alike.
func TestGrammar(t *testing.T) {
	c := shelf(t, line(1, attrs{"e": s("😀"), "l": list(s("x"), s("y")), "v": n(2)}))
	key := attrs{"pk": s("a"), "sk": n(1)}
	table := aws.String("lines")
	const misused = "The function is not allowed to be used this way in an expression; function: "
	for src, want := range map[string]string{
		"size(e) = :n":                                  "",
		"(size(e)) = (:n)":                              "",
		"(v) = :n":                                      "",
		"v IN ((:n), :s)":                               "",
		"(v) BETWEEN (:n) AND (:n)":                     "",
		"attribute_exists((e))":                         "",
		"(attribute_exists(e)) AND ((v) = :n)":          "",
		"size(:s) > size(e) AND NOT size(e) = size(:s)": "",
		"size((l)) = :n":                                "",
		"((v)) = :n":                                    "The expression has redundant parentheses;",
		"v = ((:n))":                                    "The expression has redundant parentheses;",
		"size(:n) > v":                                  "Incorrect operand type for operator or function; operator or function: size, operand type: N",
		"size(size(l)) > v":                             "Incorrect operand type for operator or function; operator or function: size, operand type: N",
		"attribute_exists(e) = :yes":                    misused + "attribute_exists",
		"size(l)":                                       misused + "size",
		"if_not_exists(v, :n) = :n":                     "The function is not allowed in a condition expression; function: if_not_exists",
		"dog(v)":                                        "Invalid function name; function: dog",
		"_v = :n":                                       `Syntax error; token: "_", near: "_v"`,
		"v = :n AND __typename = :s":                    `Syntax error; token: "_", near: "AND __"`,
		"l[2147483648] = :s":                            "List index is not within the allowable range; index: [2147483648]",
		"m" + strings.Repeat(".m", 32) + " = :s":        "The document path has too many nesting levels; nesting levels: 33",
		strings.Repeat("NOT ", 300) + "v = :n":          "The expression contains too many operators; operator count: 301",
		strings.Repeat("NOT (", 298) + "v = :n" + strings.Repeat(")", 298): "",
	} {
		told := func(where, parameter string, err error) {
			t.Helper()
			if want == "" {
				if err != nil {
					t.Errorf("%s of %.60s: %v", where, src, err)
				}
				return
			}
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != "ValidationException" || strings.TrimPrefix(api.ErrorMessage(), one) != "Invalid "+parameter+": "+want {
				t.Errorf("%s of %.60s:\n got %v\nwant Invalid %s: %s", where, src, err, parameter, want)
			}
		}
		found, err := c.Scan(t.Context(), &sdk.ScanInput{TableName: table, FilterExpression: &src, ExpressionAttributeValues: sized(src)})
		told("Scan", "FilterExpression", err)
		if err == nil && found.Count != 1 {
			t.Errorf("%.60s finds %d items", src, found.Count)
		}
		_, err = c.UpdateItem(t.Context(), &sdk.UpdateItemInput{
			TableName: table, Key: key, UpdateExpression: aws.String("SET z = :text"), ConditionExpression: &src, ExpressionAttributeValues: sized(src + " :text"),
		})
		told("UpdateItem", "ConditionExpression", err)
		_, err = c.TransactWriteItems(t.Context(), &sdk.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{
			ConditionCheck: &types.ConditionCheck{TableName: table, Key: key, ConditionExpression: &src, ExpressionAttributeValues: sized(src)},
		}}})
		told("TransactWriteItems", "ConditionExpression", err)
	}
}

// PartiQL counts the size of a text like expressions.
func TestSizeInPartiQL(t *testing.T) {
	c := shelf(t, line(1, attrs{"e": s("😀")}), line(2, attrs{"e": s("ü")}))
	for statement, want := range map[string]int{
		`SELECT sk FROM lines WHERE pk = 'a' AND size(e) = 2`: 1,
		`SELECT sk FROM lines WHERE size(e) = 1`:              1,
	} {
		out, err := c.ExecuteStatement(t.Context(), &sdk.ExecuteStatementInput{Statement: &statement})
		if err != nil || len(out.Items) != want {
			t.Errorf("%s: %v, %v", statement, out, err)
		}
	}
}

// The right side of SET has operands in parentheses, too; its functions are judged
// like those of conditions.
func TestGrammarOfSet(t *testing.T) {
	c := shelf(t, line(1, attrs{"v": n(2), "l": list(n(1))}))
	for src, want := range map[string]string{
		"SET v = (v) + (:n)":                             "",
		"SET v = (v - :n)":                               "",
		"SET v = (if_not_exists((x), :n))":               "",
		"SET l = (list_append((l), :l))":                 "",
		"SET v = ((:n))":                                 "The expression has redundant parentheses;",
		"SET l = list_append(list_append(l, :l), :l)":    "The function is not allowed to be used this way in an expression; function: list_append",
		"SET v = list_append(l, :l) + :n":                "The function is not allowed to be used this way in an expression; function: list_append",
		"SET v = size(l)":                                "The function is not allowed in an update expression; function: size",
		"SET v = if_not_exists(if_not_exists(x, v), :n)": "Operator or function requires a document path; operator or function: if_not_exists",
		"SET v = (v + :n) + :n":                          `Syntax error; token: "+", near: ") + :n"`,
		"SET REMOVE v":                                   `Syntax error; token: "REMOVE", near: "SET REMOVE v"`,
	} {
		_, err := c.UpdateItem(t.Context(), &sdk.UpdateItemInput{
			TableName: aws.String("lines"), Key: attrs{"pk": s("a"), "sk": n(1)}, UpdateExpression: &src, ExpressionAttributeValues: sized(src),
		})
		var api smithy.APIError
		if want == "" && err != nil || want != "" && (!errors.As(err, &api) || api.ErrorMessage() != one+"Invalid UpdateExpression: "+want) {
			t.Errorf("%s:\n got %v\nwant %s", src, err, want)
		}
	}
	out, err := c.GetItem(t.Context(), &sdk.GetItemInput{TableName: aws.String("lines"), Key: attrs{"pk": s("a"), "sk": n(1)}})
	if l, ok := out.Item["l"].(*types.AttributeValueMemberL); err != nil || !ok || len(l.Value) != 2 {
		t.Errorf("%v, %v", out, err)
	}
}
