package dynamodb_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// batch runs statements and returns what each answers: its item, or the code
// and message of its error.
func batch(t *testing.T, c *sdk.Client, statements ...string) []types.BatchStatementResponse {
	t.Helper()
	in := &sdk.BatchExecuteStatementInput{}
	for _, s := range statements {
		in.Statements = append(in.Statements, types.BatchStatementRequest{Statement: &s, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
	}
	out, err := c.BatchExecuteStatement(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out.Responses
}

func failure(code types.BatchStatementErrorCodeEnum, message string) *types.BatchStatementError {
	return &types.BatchStatementError{Code: code, Message: &message}
}

// Each statement of a batch answers by itself.
func TestBatchExecuteStatement(t *testing.T) {
	c := shelf(t, line(1, attrs{"n": n(5)}))
	const oneKey = "Select statements within BatchExecuteStatement must specify the primary key in the where clause."
	lines := aws.String("lines")
	for _, x := range []struct {
		statement string
		want      types.BatchStatementResponse
	}{
		{`SELECT n FROM lines WHERE pk = 'a' AND sk IN [1]`, types.BatchStatementResponse{TableName: lines, Item: attrs{"n": n(5)}}},
		{`SELECT n FROM lines WHERE pk = 'a' AND sk = 2`, types.BatchStatementResponse{TableName: lines}},
		{`SELECT * FROM lines WHERE pk = 'a'`, types.BatchStatementResponse{TableName: lines, Error: failure("ValidationError", oneKey)}},
		{`SELECT * FROM lines WHERE pk = 'a' AND sk = 1 AND n = 5`, types.BatchStatementResponse{TableName: lines, Error: failure("ValidationError", oneKey)}},
		{`SELECT * FROM lines.i WHERE pk = 'a' AND sk = 1`, types.BatchStatementResponse{TableName: lines, Error: failure("ValidationError", oneKey)}},
		{`SELECT * FROM nowhere WHERE pk = 'a'`, types.BatchStatementResponse{Error: failure("ResourceNotFound", "Requested resource not found")}},
		{`SLECT * FROM lines`, types.BatchStatementResponse{Error: failure("ValidationError", "Statement wasn't well formed, can't be processed: Expected data manipulation")}},
		{`SELECT * FROM lines WHERE pk = ? AND sk = 1`, types.BatchStatementResponse{Error: failure("ValidationError", "Number of parameters in request and statement don't match.")}},
	} {
		got := batch(t, c, x.statement, `SELECT * FROM lines WHERE pk = 'a' AND sk = 1`)
		if diff := diff(x.want, got[0]); diff != "" {
			t.Errorf("%s\n%s", x.statement, diff)
		}
		if diff := diff(line(1, attrs{"n": n(5)}), got[1].Item); diff != "" {
			t.Errorf("beside %s\n%s", x.statement, diff)
		}
	}
	unmet := failure("ConditionalCheckFailed", "The conditional request failed")
	unmet.Item = line(1, attrs{"n": n(6)})
	for i, want := range []types.BatchStatementResponse{
		{TableName: lines, Item: attrs{"n": n(6)}},
		{TableName: lines, Error: unmet},
		{TableName: lines, Error: failure("DuplicateItem", "Duplicate primary key exists in table")},
		{TableName: lines, Error: failure("ValidationError", "Where clause does not contain a mandatory equality on all key attributes")},
		{Error: failure("ValidationError", "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed in DELETE statements.")},
		{TableName: lines},
		{TableName: lines, Item: line(1, attrs{"n": n(6)})},
	} {
		got := batch(t, c, []string{
			`UPDATE lines SET n = n + 1 WHERE pk = 'a' AND sk = 1 AND n = 5 RETURNING MODIFIED NEW *`,
			`UPDATE lines SET n = 0 WHERE pk = 'a' AND sk = 1 AND n = 5`,
			`INSERT INTO lines VALUE {'pk': 'a', 'sk': 1}`,
			`DELETE FROM lines WHERE pk = 'a'`,
			`DELETE FROM lines WHERE pk = 'a' AND sk = 1 RETURNING MODIFIED OLD *`,
			`INSERT INTO lines VALUE {'pk': 'a', 'sk': 2}`,
			`DELETE FROM lines WHERE pk = 'a' AND sk = 1 RETURNING ALL OLD *`,
		}[i])[0]
		if diff := diff(want, got); diff != "" {
			t.Errorf("%d\n%s", i, diff)
		}
	}
}

func TestBatchExecuteCapacity(t *testing.T) {
	c := shelf(t, line(1, nil))
	out, err := c.BatchExecuteStatement(t.Context(), &sdk.BatchExecuteStatementInput{
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
		Statements: []types.BatchStatementRequest{
			{Statement: aws.String(`SELECT * FROM lines WHERE pk = 'a' AND sk = 1`), ConsistentRead: aws.Bool(true)},
			{Statement: aws.String(`SELECT * FROM lines WHERE pk = ? AND sk = 1`), Parameters: []types.AttributeValue{s("b")}},
		},
	})
	if err != nil || len(out.ConsumedCapacity) != 1 || *out.ConsumedCapacity[0].CapacityUnits != 1.5 {
		t.Errorf("%v, %v", out.ConsumedCapacity, err)
	}
}

func transaction(statements ...string) *sdk.ExecuteTransactionInput {
	in := &sdk.ExecuteTransactionInput{}
	for _, s := range statements {
		in.TransactStatements = append(in.TransactStatements, types.ParameterizedStatement{Statement: &s, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
	}
	return in
}

func TestExecuteTransaction(t *testing.T) {
	c := shelf(t, line(1, attrs{"n": n(5)}), line(2, attrs{"n": n(6)}))
	out, err := c.ExecuteTransaction(t.Context(), transaction(
		`EXISTS(SELECT * FROM lines WHERE pk = 'a' AND sk = 2 AND n = 6)`,
		`UPDATE lines SET n = n + 1 WHERE pk = 'a' AND sk = 1`,
		`INSERT INTO lines VALUE {'pk': 'a', 'sk': 3, 'n': 7}`,
		`DELETE FROM lines WHERE pk = 'a' AND sk = 4`))
	if err != nil || out.Responses == nil || len(out.Responses) != 0 {
		t.Errorf("%v, %v", out, err)
	}
	read, err := c.ExecuteTransaction(t.Context(), transaction(
		`SELECT n FROM lines WHERE pk = 'a' AND sk = 1`, `SELECT * FROM lines WHERE (sk IN [9]) AND pk = 'a'`, `SELECT * FROM lines WHERE sk = 3 AND pk = 'a'`))
	want := []types.ItemResponse{{Item: attrs{"n": n(6)}}, {}, {Item: line(3, attrs{"n": n(7)})}}
	if err != nil || diff(want, read.Responses) != "" {
		t.Errorf("%v\n%s", err, diff(want, read.Responses))
	}
}

// A transaction that cannot be made changes nothing and says why.
func TestExecuteTransactionCanceled(t *testing.T) {
	c := shelf(t, line(1, attrs{"n": n(5)}))
	reason := func(code, message string) types.CancellationReason {
		out := types.CancellationReason{Code: &code}
		if message != "" {
			out.Message = &message
		}
		return out
	}
	none, mismatch := reason("None", ""), reason("ValidationError", "The provided key element does not match the schema")
	unmet := reason("ConditionalCheckFailed", "The conditional request failed")
	unmet.Item = line(1, attrs{"n": n(5)})
	gone := reason("ResourceNotFound", "Requested resource not found")
	for _, x := range []struct {
		statements []string
		want       []types.CancellationReason
	}{
		{[]string{`INSERT INTO lines VALUE {'pk': 'a', 'sk': 1}`, `INSERT INTO lines VALUE {'pk': 'a', 'sk': 2}`}, []types.CancellationReason{reason("DuplicateItem", "Duplicate primary key exists in table"), none}},
		{[]string{`EXISTS(SELECT * FROM lines WHERE pk = 'a' AND sk = 1 AND n IS MISSING)`, `INSERT INTO lines VALUE {'pk': 'a', 'sk': 2}`}, []types.CancellationReason{unmet, none}},
		{[]string{`INSERT INTO lines VALUE {'pk': 'a', 'sk': 2}`, `UPDATE lines SET n = 1 WHERE pk = 'a' AND sk = 1 AND n = 9`}, []types.CancellationReason{none, unmet}},
		{[]string{`DELETE FROM lines WHERE pk = 'a'`, `UPDATE lines SET n = 1 WHERE pk IN ['a'] AND sk = 1`, `UPDATE lines SET n = 1 WHERE pk = 'a' AND sk = '1'`, `INSERT INTO lines VALUE {'pk': 'a'}`, `INSERT INTO lines VALUE {'pk': 'a', 'sk': 2}`},
			[]types.CancellationReason{mismatch, mismatch, mismatch, reason("ValidationError", ones+"Missing the key sk in the item"), none}},
		{[]string{`UPDATE nowhere SET n = 1 WHERE pk = 'a' RETURNING ALL NEW *`, `INSERT INTO lines VALUE {'pk': 'a', 'sk': 2}`}, []types.CancellationReason{gone, none}},
		{[]string{`SELECT * FROM lines WHERE pk = 'a' AND sk = 1`, `SELECT * FROM nowhere.i WHERE pk = 'x'`}, []types.CancellationReason{none, gone}},
		{[]string{`SELECT * FROM lines WHERE pk = 'a' AND sk = 'x'`}, []types.CancellationReason{mismatch}},
	} {
		_, err := c.ExecuteTransaction(t.Context(), transaction(x.statements...))
		var canceled *types.TransactionCanceledException
		if !errors.As(err, &canceled) {
			t.Errorf("%v: %v", x.statements, err)
			continue
		}
		if diff := diff(x.want, canceled.CancellationReasons); diff != "" {
			t.Errorf("%v\n%s", x.statements, diff)
		}
	}
	if out := execute(t, c, `SELECT * FROM lines`); diff([]attrs{line(1, attrs{"n": n(5)})}, out.Items) != "" {
		t.Errorf("a canceled transaction left %v", out.Items)
	}
}

func TestExecuteTransactionErrors(t *testing.T) {
	const (
		read   = `{"Statement":"SELECT * FROM lines WHERE pk = 'a' AND sk = 1"}`
		write  = `{"Statement":"UPDATE lines SET n = 1 WHERE pk = 'a' AND sk = 1"}`
		failed = "Validation failed in TransactStatements[1]: "
	)
	second := func(first, statement, message string) wireCase {
		return wireCase{"ExecuteTransaction", `{"TransactStatements":[` + first + `,{"Statement":"` + statement + `"}]}`, validate, message}
	}
	const oneKey = failed + "Select statements within ExecuteTransaction must specify the primary key in the where clause."
	runWire(t, []wireCase{
		second(read, `SELECT * FROM lines WHERE`, failed+"Statement wasn't well formed, can't be processed: Unexpected term"),
		second(read, `SELECT * FROM lines WHERE pk = 'a'`, oneKey),
		second(read, `SELECT * FROM lines WHERE pk = 'a' AND sk = 1 AND attribute_exists(n)`, oneKey),
		second(read, `SELECT * FROM lines WHERE pk = 'a' AND sk = 1 AND pk = 'b'`, oneKey),
		second(read, `SELECT * FROM lines.i WHERE pk = 'a'`, failed+"Reads on indices are not supported within transactions."),
		second(read, `SELECT * FROM lines WHERE pk IN ['a', 'a'] AND sk = 1`, failed+"Overlapping conditions with range keys are not supported in where clause"),
		second(read, `SELECT n FROM lines WHERE sk = 1 AND pk = 'a'`, "Transaction request cannot include multiple operations on one item"),
		second(write, `DELETE FROM lines WHERE pk = 'a' AND sk = 1`, "Transaction request cannot include multiple operations on one item"),
		second(read, `DELETE FROM lines WHERE pk = 'b' AND sk = 1`, "ExecuteTransaction API does not support both read and write operations in the same request."),
		second(write, `UPDATE lines SET n = 1 WHERE pk = 'b' AND sk = 1 RETURNING ALL NEW *`, failed+"RETURNING clause is not supported in ExecuteTransaction."),
		second(write, `EXISTS(SELECT * FROM lines WHERE pk = 'a' AND sk = 2)`, failed+"EXISTS() must contain a single item read with additional condition"),
		{"ExecuteTransaction", `{"TransactStatements":[` + write + `,{"Statement":"x","Parameters":[{"N":"1e"}]}]}`, validate, "The parameter cannot be converted to a numeric value: 1e"},
	})
}

// A transaction with a token is made once.
func TestExecuteTransactionToken(t *testing.T) {
	c := shelf(t, line(1, attrs{"n": n(0)}))
	in := transaction(`UPDATE lines SET n = n + 1 WHERE pk = 'a' AND sk = 1`)
	in.ClientRequestToken, in.ReturnConsumedCapacity = aws.String("t"), types.ReturnConsumedCapacityIndexes
	first, err := c.ExecuteTransaction(t.Context(), in)
	if err != nil || *first.ConsumedCapacity[0].WriteCapacityUnits != 2 || first.ConsumedCapacity[0].ReadCapacityUnits != nil {
		t.Fatalf("%v, %v", first, err)
	}
	again, err := c.ExecuteTransaction(t.Context(), in)
	if err != nil || *again.ConsumedCapacity[0].ReadCapacityUnits != 2 || again.ConsumedCapacity[0].WriteCapacityUnits != nil {
		t.Fatalf("%v, %v", again, err)
	}
	if out := execute(t, c, `SELECT n FROM lines`); diff([]attrs{{"n": n(1)}}, out.Items) != "" {
		t.Errorf("made twice: %v", out.Items)
	}
	other := transaction(`UPDATE lines SET n = n + 2 WHERE pk = 'a' AND sk = 1`)
	other.ClientRequestToken = in.ClientRequestToken
	var mismatch *types.IdempotentParameterMismatchException
	if _, err := c.ExecuteTransaction(t.Context(), other); !errors.As(err, &mismatch) {
		t.Errorf("another transaction with the token: %v", err)
	}
}

// Reads of indexes answer with what the index holds.
func TestExecuteIndex(t *testing.T) {
	node := start(t, true)
	node.Must(t, "CreateTable", `{"TableName":"lines","BillingMode":"PAY_PER_REQUEST",
		"KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],
		"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"N"},{"AttributeName":"g","AttributeType":"S"},{"AttributeName":"l","AttributeType":"N"}],
		"GlobalSecondaryIndexes":[{"IndexName":"by-g","KeySchema":[{"AttributeName":"g","KeyType":"HASH"}],"Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":["p"]}}],
		"LocalSecondaryIndexes":[{"IndexName":"by-l","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"l","KeyType":"RANGE"}],"Projection":{"ProjectionType":"KEYS_ONLY"}}]}`)
	c := node.client()
	for i, g := range []string{"x", "y", "x"} {
		execute(t, c, `INSERT INTO lines VALUE {'pk': 'a', 'sk': ?, 'g': ?, 'l': ?, 'p': ?, 'other': ?}`, n(i), s(g), n(9-i), n(i), n(i))
	}
	for statement, want := range map[string]string{
		`SELECT sk FROM lines."by-g" WHERE g = 'x' AND p > 0`:                         "2",
		`SELECT sk FROM lines."by-g" WHERE pk = 'a'`:                                  "012",
		`SELECT sk FROM lines."by-g" WHERE other = 0`:                                 "",
		`SELECT sk FROM lines."by-l" WHERE pk = 'a' AND l < 9`:                        "12",
		`SELECT sk, other FROM lines."by-l" WHERE pk = 'a' AND l = 8`:                 "1",
		`SELECT sk FROM lines."by-g" WHERE g IN ['y', 'x'] ORDER BY g`:                "012",
		`SELECT sk FROM lines."by-g" WHERE g = 'x' AND (sk = 0 OR p BETWEEN 5 AND 6)`: "0",
	} {
		if out := execute(t, c, statement); keys(out.Items) != want {
			t.Errorf("%s: %v", statement, keys(out.Items))
		}
	}
	whole := execute(t, c, `SELECT other FROM lines."by-l" WHERE pk = 'a' AND l = 8`)
	if diff := diff([]attrs{{"other": n(1)}}, whole.Items); diff != "" {
		t.Error(diff)
	}
	held := execute(t, c, `SELECT * FROM lines."by-g" WHERE g = 'y'`)
	if diff := diff([]attrs{{"pk": s("a"), "sk": n(1), "g": s("y"), "p": n(1)}}, held.Items); diff != "" {
		t.Error(diff)
	}
	paged := &sdk.ExecuteStatementInput{Statement: aws.String(`SELECT sk FROM lines."by-g" WHERE g = 'x'`), Limit: aws.Int32(1), ReturnConsumedCapacity: types.ReturnConsumedCapacityIndexes}
	first, err := c.ExecuteStatement(t.Context(), paged)
	if err != nil || len(first.LastEvaluatedKey) != 3 || *first.ConsumedCapacity.GlobalSecondaryIndexes["by-g"].CapacityUnits != 0.5 {
		t.Fatalf("%v, %v", first, err)
	}
	paged.NextToken = first.NextToken
	if next, err := c.ExecuteStatement(t.Context(), paged); err != nil || diff([]attrs{{"sk": n(2)}}, next.Items) != "" {
		t.Errorf("%v, %v", next, err)
	}
	for _, w := range []wireCase{
		{"ExecuteStatement", `{"Statement":"SELECT pk FROM lines.\"by-g\" WHERE g = 'y' AND other = 1"}`, validate, ones + "Secondary index by-g does not project one or more filter attributes: [other]"},
		{"ExecuteStatement", `{"Statement":"SELECT pk FROM lines.\"by-l\" WHERE pk = 'a' AND (other = 1 OR p = 2)"}`, validate, ones + "Secondary index by-l does not project one or more filter attributes: [other, p]"},
		{"ExecuteStatement", `{"Statement":"SELECT other, p, q FROM lines.\"by-g\" WHERE g = 'y'"}`, validate, ones + "Global secondary index by-g does not project [other, q]"},
		{"ExecuteStatement", `{"Statement":"SELECT other FROM lines.\"by-g\""}`, validate, ones + "Global secondary index by-g does not project [other]"},
		{"ExecuteStatement", `{"Statement":"SELECT * FROM lines.\"by-g\" WHERE g = 'y'","ConsistentRead":true}`, validate, "Strongly consistent read is not supported on Global Secondary Indexes"},
	} {
		w.check(t, node)
	}
}
