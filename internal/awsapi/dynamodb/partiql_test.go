package dynamodb_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

func execute(t *testing.T, c *sdk.Client, statement string, params ...types.AttributeValue) *sdk.ExecuteStatementOutput {
	t.Helper()
	out, err := c.ExecuteStatement(t.Context(), &sdk.ExecuteStatementInput{Statement: &statement, Parameters: params})
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return out
}

// A statement answers with the items that it should, in their order.
func TestExecuteSelect(t *testing.T) {
	c := shelf(t,
		line(1, attrs{"n": n(1), "m": &types.AttributeValueMemberM{Value: attrs{"k": list(s("x"), s("y"))}}}),
		line(2, attrs{"n": n(2)}), line(3, attrs{"n": n(3), "nul": &types.AttributeValueMemberNULL{Value: true}}),
		attrs{"pk": s("b"), "sk": n(1), "n": n(4)})
	for _, x := range []struct{ where, want string }{ // values of n
		{`WHERE pk = 'a'`, "1 2 3"},
		{`WHERE pk = 'a' AND sk >= 2`, "2 3"},
		{`WHERE pk = 'a' AND sk = 2`, "2"},
		{`WHERE pk = 'a' AND sk BETWEEN 1 AND 2 AND n <> 1`, "2"},
		{`WHERE pk = 'a' ORDER BY sk DESC`, "3 2 1"},
		{`WHERE pk = 'a' ORDER BY pk`, "3 2 1"},
		{`WHERE pk IN ['b', 'a'] ORDER BY pk DESC, sk ASC`, "4 1 2 3"},
		{`WHERE pk = 'a' AND NOT sk = 1 OR pk = 'a' AND sk = 2`, "2 3"},
		{`WHERE pk = 'a' AND (sk = 3 OR sk = 1)`, "3 1"},
		{`WHERE pk = 'a' AND sk = 9`, ""},
		{`WHERE nul IS NULL`, "3"},
		{`WHERE m.k[1] = 'y'`, "1"},
		{`WHERE n > 3`, "4"},
		{`WHERE pk = 'a' AND attribute_exists(pk) AND n IN [?, 2]`, "2 3"},
	} {
		out := execute(t, c, `SELECT n FROM "lines" `+x.where, n(3))
		var got []string
		for _, it := range out.Items {
			got = append(got, it["n"].(*types.AttributeValueMemberN).Value)
		}
		if strings.Join(got, " ") != x.want || out.NextToken != nil {
			t.Errorf("%s: %v", x.where, got)
		}
	}
	out := execute(t, c, `SELECT m.k[0], m, nope FROM lines WHERE pk = 'a' AND sk = 1`)
	want := attrs{"k[0]": s("x"), "m": &types.AttributeValueMemberM{Value: attrs{"k": list(s("x"), s("y"))}}}
	if diff := diff([]attrs{want}, out.Items); diff != "" {
		t.Error(diff)
	}
}

// Pages of any limit give each item once, over scans and several queries.
func TestExecuteSelectPages(t *testing.T) {
	var items []attrs
	for i := range 4 {
		items = append(items, line(i, attrs{"n": n(i)}), attrs{"pk": s("b"), "sk": n(i), "n": n(10 + i)})
	}
	c := shelf(t, items...)
	for where, want := range map[string]string{
		``:               "0 1 2 3 10 11 12 13",
		`WHERE pk = 'a'`: "0 1 2 3",
		`WHERE pk IN ['b', 'a'] AND sk IN [0, 3] ORDER BY pk DESC, sk DESC`: "13 10 3 0",
		`WHERE n > 2`: "3 10 11 12 13",
	} {
		for limit := range int32(9) {
			in := &sdk.ExecuteStatementInput{Statement: aws.String(`SELECT * FROM lines ` + where), Limit: aws.Int32(limit + 1)}
			var got []string
			for range 20 {
				out, err := c.ExecuteStatement(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				if len(out.Items) > int(*in.Limit) {
					t.Errorf("%s: %d items of %d", where, len(out.Items), *in.Limit)
				}
				for _, it := range out.Items {
					got = append(got, it["n"].(*types.AttributeValueMemberN).Value)
				}
				if in.NextToken = out.NextToken; in.NextToken == nil {
					break
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s by %d: %v", where, *in.Limit, got)
			}
		}
	}
}

func TestExecuteSelectOfManyBytes(t *testing.T) {
	var items []attrs
	for _, pk := range []string{"a", "b", "c"} {
		for i := range 2 {
			items = append(items, attrs{"pk": s(pk), "sk": n(i), "blob": s(strings.Repeat("x", 300<<10))})
		}
	}
	c := shelf(t, items...)
	first := execute(t, c, `SELECT sk FROM lines WHERE pk IN ['a', 'b', 'c']`)
	if len(first.Items) != 4 || first.NextToken == nil || first.LastEvaluatedKey == nil && len(first.Items) != 4 {
		t.Errorf("%d items, token %v", len(first.Items), first.NextToken)
	}
	rest, err := c.ExecuteStatement(t.Context(), &sdk.ExecuteStatementInput{Statement: aws.String(`SELECT sk FROM lines WHERE pk IN ['a', 'b', 'c']`), NextToken: first.NextToken})
	if err != nil || len(rest.Items) != 2 || rest.NextToken != nil {
		t.Errorf("%v, %v", rest, err)
	}
}

func TestExecuteWrites(t *testing.T) {
	c := shelf(t, line(1, attrs{"n": n(5), "tags": list(s("a"), s("b"), s("c")), "ss": ss("a")}))
	get := func() attrs {
		out, err := c.GetItem(t.Context(), &sdk.GetItemInput{TableName: aws.String("lines"), Key: line(1, nil)})
		if err != nil {
			t.Fatal(err)
		}
		return out.Item
	}
	for _, x := range []struct {
		statement string
		want      []attrs
	}{
		{`UPDATE lines SET n = n + 1 WHERE pk = 'a' AND sk = 1`, []attrs{}},
		{`UPDATE lines SET tags[2] = 'z', tags[0] = 'x' WHERE pk = 'a' AND sk = 1 RETURNING MODIFIED OLD *`, []attrs{{"tags": list(s("a"), s("c"))}}},
		{`UPDATE lines SET tags[5] = 'q' WHERE pk = 'a' AND sk = 1 RETURNING MODIFIED NEW *`, []attrs{}},
		{`UPDATE lines REMOVE tags SET ss = set_add(ss, <<'b'>>) WHERE pk = 'a' AND sk = 1 AND n = 6 RETURNING MODIFIED NEW *`, []attrs{{"ss": ss("a", "b")}}},
		{`UPDATE lines SET n = ? WHERE pk = 'a' AND sk = 1 RETURNING ALL OLD *`, []attrs{line(1, attrs{"n": n(6), "ss": ss("a", "b")})}},
		{`UPDATE lines SET ss = set_delete(ss, <<'a', 'b'>>) WHERE pk = 'a' AND sk = 1 RETURNING ALL NEW *`, []attrs{line(1, attrs{"n": n(9)})}},
		{`DELETE FROM lines WHERE pk = 'a' AND sk = 2 AND n = 1 RETURNING ALL OLD *`, []attrs{}},
		{`DELETE FROM lines WHERE pk = 'a' AND sk = 1 AND n = 9 RETURNING ALL OLD *`, []attrs{line(1, attrs{"n": n(9)})}},
		{`INSERT INTO lines VALUE {'pk': 'a', 'sk': 1, 'm': {'l': [1, <<'x'>>]}, 'n': ?}`, []attrs{}},
	} {
		out := execute(t, c, x.statement, n(9))
		if out.Items == nil || diff(x.want, out.Items) != "" {
			t.Errorf("%s\n%s", x.statement, diff(x.want, out.Items))
		}
	}
	want := line(1, attrs{"n": n(9), "m": &types.AttributeValueMemberM{Value: attrs{"l": list(n(1), ss("x"))}}})
	if diff := diff(want, get()); diff != "" {
		t.Error(diff)
	}
	var duplicate *types.DuplicateItemException
	_, err := c.ExecuteStatement(t.Context(), &sdk.ExecuteStatementInput{Statement: aws.String(`INSERT INTO lines VALUE {'pk': 'a', 'sk': 1}`)})
	if !errors.As(err, &duplicate) || duplicate.ErrorMessage() != "Duplicate primary key exists in table" {
		t.Errorf("INSERT of what is there: %v", err)
	}
	for _, statement := range []string{
		`UPDATE lines SET n = 1 WHERE pk = 'a' AND sk = 2`,
		`UPDATE lines SET n = 1 WHERE pk = 'a' AND sk = 2 AND attribute_not_exists(pk)`,
		`UPDATE lines SET n = 1 WHERE pk = 'a' AND sk = 1 AND n = 5`,
		`DELETE FROM lines WHERE pk = 'a' AND sk = 1 AND NOT begins_with(pk, 'a')`,
	} {
		var failed *types.ConditionalCheckFailedException
		_, err := c.ExecuteStatement(t.Context(), &sdk.ExecuteStatementInput{Statement: &statement, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
		if !errors.As(err, &failed) || strings.Contains(statement, "sk = 1") && diff(want, failed.Item) != "" {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if diff := diff(want, get()); diff != "" {
		t.Error(diff)
	}
}

func TestExecuteErrors(t *testing.T) {
	q := func(statement string) string { return fmt.Sprintf(`{"Statement":%q}`, statement) }
	with := func(statement, rest string) string { return fmt.Sprintf(`{"Statement":%q,%s}`, statement, rest) }
	const (
		all       = `SELECT * FROM lines`
		numeric   = "The parameter cannot be converted to a numeric value: 1e"
		noKey     = "Where clause does not contain a mandatory equality on all key attributes"
		malformed = "Statement wasn't well formed, can't be processed: "
	)
	deep := strings.Repeat(`{"M":{"n":`, 40) + `{"S":"x"}` + strings.Repeat(`}}`, 40)
	runWire(t, []wireCase{
		{"ExecuteStatement", `{}`, validate, one + at("statement", "null", "not be null")},
		{"ExecuteStatement", q(""), validate, one + at("statement", "''", "have length greater than or equal to 1")},
		{"ExecuteStatement", with(all, `"Limit":0,"Parameters":[],"NextToken":""`), validate, "3 validation errors detected: " +
			at("limit", "'0'", "have value greater than or equal to 1") + "; " + at("nextToken", "''", "have length greater than or equal to 1") + "; " +
			at("parameters", "'[]'", "have length greater than or equal to 1")},
		{"ExecuteStatement", with(all, `"Parameters":{}`), serial, "Start of structure or map found where not expected"},
		{"ExecuteStatement", with(all, `"Parameters":["x"]`), serial, "Unexpected value type in payload"},
		{"ExecuteStatement", with(`UPDATE lines SET WHERE`, `"Parameters":[{"SS":["a","a"]}]`), validate, ones + "Input collection [a, a] contains duplicates."},
		{"ExecuteStatement", with(all, `"Parameters":[{"NULL":false}]`), validate, ones + "Null attribute value types must have the value of true"},
		{"ExecuteStatement", with(all, `"Parameters":[{"N":"1e"},`+deep+`]`), validate, numeric},
		{"ExecuteStatement", with(all, `"Parameters":[`+deep+`,{"N":"1e"}]`), validate, "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"},
		{"ExecuteStatement", q(`SELECTT * FROMM lines`), validate, malformed + "Expected data manipulation"},
		{"ExecuteStatement", q(`SELECT * FROM nowhere WHERE`), validate, malformed + "Unexpected term"},
		{"ExecuteStatement", q(`SELECT * FROM nowhere WHERE pk = 'a'`), notFound, "Requested resource not found"},
		{"ExecuteStatement", q(`INSERT INTO lines VALUE {'pk': 'a', 'sk': 1, 's': <<'a', 'a'>>}`), validate, ones + "Input collection [a, a] contains duplicates."},
		{"ExecuteStatement", q(`INSERT INTO lines VALUE {'pk': 'a'}`), validate, ones + "Missing the key sk in the item"},
		{"ExecuteStatement", q(`DELETE FROM lines WHERE pk = 'a'`), validate, noKey},
		{"ExecuteStatement", q(`UPDATE lines SET a = 1`), validate, noKey},
		{"ExecuteStatement", q(`UPDATE lines SET sk = 2 WHERE pk = 'a' AND sk = 1`), validate, ones + "Cannot update attribute sk. This attribute is part of the key"},
		{"ExecuteStatement", q(`UPDATE users SET l[0] = 'x' WHERE id = 'u'`), validate, "The document path provided in the update expression is invalid for update"},
		{"ExecuteStatement", q(`UPDATE users SET n = set_add(n, <<'x'>>) WHERE id = 'u'`), validate, "An operand in the update expression has an incorrect data type"},
		{"ExecuteStatement", q(`UPDATE users SET l = list_append(l, [1]) WHERE id = 'u'`), validate, "The provided expression refers to an attribute that does not exist in the item"},
		{"ExecuteStatement", q(`SELECT * FROM lines WHERE pk = 1`), validate, "Key attribute's data type should match its data type in table's schema: Key pk"},
		{"ExecuteStatement", q(`SELECT * FROM lines.nope WHERE pk = 'a'`), validate, "The table does not have the specified index"},
		{"ExecuteStatement", q(`SELECT * FROM lines WHERE pk = 'a' AND n < true`), validate, "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL"},
		{"ExecuteStatement", q(`SELECT * FROM lines WHERE pk = 'a' OR pk = 'a'`), validate, "Overlapping conditions with range keys are not supported in where clause"},
		{"ExecuteStatement", q(`EXISTS(SELECT * FROM lines WHERE pk = 'a' AND sk = 1 AND n = 1)`), validate, "EXISTS can only be used in ExecuteTransaction write requests."},
		{"ExecuteStatement", with(all, `"NextToken":"?"`), validate, "Invalid NextToken"},
		{"ExecuteStatement", with(all, `"NextToken":"AAAAAAAAAAAAAAAAAAAAAAAA"`), validate, "NextToken does not match request"},
		{"BatchExecuteStatement", `{"Statements":[]}`, validate, one + at("statements", "'[...]'", "have length greater than or equal to 1")},
		{"BatchExecuteStatement", `{"Statements":[{}]}`, validate, one + at("statements.1.member.statement", "null", "not be null")},
		{"BatchExecuteStatement", `{"Statements":[` + q(all) + `,` + q(`INSERT INTO users VALUE {'id': 'x'}`) + `]}`, validate,
			"BatchExecuteStatement API does not support both read and write operations in the same request."},
		{"ExecuteTransaction", `{"TransactStatements":[]}`, validate, one + at("transactStatements", "'[...]'", "have length greater than or equal to 1")},
	})
}

// A token goes on where it was given, and belongs to its statement and values.
func TestNextTokens(t *testing.T) {
	node := start(t, true)
	node.Must(t, "CreateTable", createLines)
	c := node.client()
	for i := range 3 {
		execute(t, c, fmt.Sprintf(`INSERT INTO lines VALUE {'pk': 'a', 'sk': %d}`, i))
	}
	page := func(statement, value string, limit int32, token *string) (*sdk.ExecuteStatementOutput, error) {
		return c.ExecuteStatement(t.Context(), &sdk.ExecuteStatementInput{Statement: &statement, Parameters: []types.AttributeValue{s(value)}, Limit: &limit, NextToken: token})
	}
	first, err := page(`SELECT sk FROM lines WHERE pk = ?`, "a", 1, nil)
	if err != nil || first.NextToken == nil || diff(attrs{"pk": s("a"), "sk": n(0)}, first.LastEvaluatedKey) != "" {
		t.Fatalf("%v, %v", first, err)
	}
	if second, err := page(`SELECT sk FROM lines WHERE pk = ?`, "a", 5, first.NextToken); err != nil || diff([]attrs{{"sk": n(1)}, {"sk": n(2)}}, second.Items) != "" {
		t.Errorf("%v, %v", second, err)
	}
	for _, x := range []struct{ statement, value string }{{`SELECT sk FROM lines WHERE pk = ?`, "b"}, {`SELECT sk FROM lines WHERE  pk = ?`, "a"}} {
		if _, err := page(x.statement, x.value, 1, first.NextToken); err == nil || !strings.Contains(err.Error(), "NextToken does not match request") {
			t.Errorf("%v: %v", x, err)
		}
	}
	forged, err := base64.RawURLEncoding.DecodeString(*first.NextToken)
	if err != nil {
		t.Fatal(err)
	}
	forged[16] = 1 // a query that the statement is not made of
	if _, err := page(`SELECT sk FROM lines WHERE pk = ?`, "a", 1, aws.String(base64.RawURLEncoding.EncodeToString(forged))); err == nil || !strings.Contains(err.Error(), "Invalid NextToken") {
		t.Errorf("a forged token: %v", err)
	}
	cut := (*first.NextToken)[:len(*first.NextToken)-2]
	if _, err := page(`SELECT sk FROM lines WHERE pk = ?`, "a", 1, &cut); err == nil || !strings.Contains(err.Error(), "Invalid NextToken") {
		t.Errorf("a cut token: %v", err)
	}
}

// Whatever a client makes of a token, the request fails as the client's fault or goes on
// somewhere in its statement.
func TestTamperedTokens(t *testing.T) {
	node := start(t, true)
	node.Must(t, "CreateTable", createLines)
	c := node.client()
	for i := range 3 {
		execute(t, c, fmt.Sprintf(`INSERT INTO lines VALUE {'pk': 'a', 'sk': %d}`, i))
	}
	in := &sdk.ExecuteStatementInput{Statement: aws.String(`SELECT sk FROM lines WHERE pk = 'a'`), Limit: aws.Int32(1)}
	first, err := c.ExecuteStatement(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	good, err := base64.RawURLEncoding.DecodeString(*first.NextToken)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for i := 16; i < len(good); i++ { // what follows the hash of the request
		for _, other := range []byte{0, '.', 'E', 'x', 0xff} {
			bad := slices.Clone(good)
			bad[i] = other
			in.NextToken = aws.String(base64.RawURLEncoding.EncodeToString(bad))
			_, err := c.ExecuteStatement(t.Context(), in, func(o *sdk.Options) { o.RetryMaxAttempts = 1 })
			var api smithy.APIError
			switch {
			case err == nil:
			case !errors.As(err, &api) || api.ErrorCode() != "ValidationException":
				t.Fatalf("byte %d is %q: %v", i, other, err)
			default:
				refused++
			}
		}
	}
	if refused == 0 {
		t.Error("no token was refused")
	}
}

func TestExecuteCapacity(t *testing.T) {
	c := shelf(t, line(1, attrs{"s": s(strings.Repeat("x", 5000))}))
	for _, x := range []struct {
		statement  string
		consistent bool
		want       float64
	}{
		{`SELECT * FROM lines WHERE pk = 'a'`, false, 1}, {`SELECT * FROM lines WHERE pk = 'a'`, true, 2}, {`SELECT * FROM lines WHERE pk IN ['a', 'b']`, false, 1.5},
		{`UPDATE lines SET n = 1 WHERE pk = 'a' AND sk = 1`, false, 5}, {`INSERT INTO lines VALUE {'pk': 'a', 'sk': 2}`, false, 1},
	} {
		out, err := c.ExecuteStatement(t.Context(), &sdk.ExecuteStatementInput{Statement: &x.statement, ConsistentRead: &x.consistent, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
		if err != nil || *out.ConsumedCapacity.CapacityUnits != x.want || *out.ConsumedCapacity.TableName != "lines" {
			t.Errorf("%s: %v, %v", x.statement, out.ConsumedCapacity, err)
		}
	}
}
