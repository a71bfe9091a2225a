package dynamodb_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// An updater makes an update of the item u of the table users in one of the ways
// that there are.
type updater func(ctx context.Context, c *sdk.Client, update string, values attrs) error

func byUpdateItem(ctx context.Context, c *sdk.Client, update string, values attrs) error {
	_, err := c.UpdateItem(ctx, &sdk.UpdateItemInput{
		TableName: aws.String("users"), Key: attrs{"id": s("u")}, UpdateExpression: &update, ExpressionAttributeValues: values,
	})
	return err
}

// byTransaction returns the error that is the reason of a canceled transaction.
func byTransaction(ctx context.Context, c *sdk.Client, update string, values attrs) error {
	_, err := c.TransactWriteItems(ctx, &sdk.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{Update: &types.Update{
		TableName: aws.String("users"), Key: attrs{"id": s("u")}, UpdateExpression: &update, ExpressionAttributeValues: values,
	}}}})
	var canceled *types.TransactionCanceledException
	if errors.As(err, &canceled) && *canceled.CancellationReasons[0].Code == "ValidationError" {
		return &smithy.GenericAPIError{Code: "ValidationException", Message: *canceled.CancellationReasons[0].Message}
	}
	return err
}

// validationOf returns the message of a ValidationException, "" if there is no error.
func validationOf(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != "ValidationException" {
		t.Fatalf("%v", err)
	}
	return e.ErrorMessage()
}

const invalidPath = "The document path provided in the update expression is invalid for update"

// Each action of an update means the item as it was, in whatever order the actions
// are written.
func TestUpdatesOfListsBySDK(t *testing.T) {
	row := attrs{"id": s("u"), "l": list([]types.AttributeValue{}...), "o": list(s("0"), &types.AttributeValueMemberM{Value: attrs{"note": s("1"), "x": s("1")}}), "k": list(ss("a"), ss("b"), ss("c"))}
	node := start(t, true)
	node.Must(t, "CreateTable", createUsers)
	client, ctx := node.client(), t.Context()
	values := attrs{":a": s("a"), ":b": s("b"), ":c": s("c"), ":sa": ss("a"), ":sb": ss("b")}
	for _, c := range []struct {
		update, statement string // PartiQL has a text of its own; its values stand in the order of the names
		want              attrs  // the attributes that are not as they were; nil: absent
		err               string
	}{
		{"SET l[2] = :c, l[1] = :b, l[0] = :a", "SET l[2] = 'c', l[1] = 'b', l[0] = 'a'", attrs{"l": list(s("a"), s("b"), s("c"))}, ""},
		{"REMOVE o[0], o[1].note", "REMOVE o[0], o[1].note", attrs{"o": list(&types.AttributeValueMemberM{Value: attrs{"x": s("1")}})}, ""},
		{"DELETE k[0] :sa, k[1] :sb", "SET k[0] = set_delete(k[0], <<'a'>>), k[1] = set_delete(k[1], <<'b'>>)", attrs{"k": list(ss("c"))}, ""},
		{"DELETE k[0] :sa REMOVE k[1]", "REMOVE k[1] SET k[0] = set_delete(k[0], <<'a'>>)", attrs{"k": list(ss("c"))}, ""},
		{"SET k[7] = :a REMOVE k[4]", "SET k[7] = 'a' REMOVE k[4]", attrs{"k": list(ss("a"), ss("b"), ss("c"), s("a"))}, ""},
		{"ADD k[9] :sa, k[8] :sb REMOVE k[0]", "SET k[9] = set_add(k[9], <<'a'>>), k[8] = set_add(k[8], <<'b'>>) REMOVE k[0]", attrs{"k": list(ss("b"), ss("c"), ss("b"), ss("a"))}, ""},
		{"DELETE gone.x :sa", "SET gone.x = set_delete(gone.x, <<'a'>>)", nil, invalidPath},
		{"DELETE k.x :sa", "SET k.x = set_delete(k.x, <<'a'>>)", nil, invalidPath},
		{"REMOVE gone[0]", "REMOVE gone[0]", nil, invalidPath},
		{"DELETE gone :sa, k[7] :sa", "SET gone = set_delete(gone, <<'a'>>), k[7] = set_delete(k[7], <<'a'>>)", attrs{}, ""},
	} {
		used := attrs{}
		for name, v := range values {
			if strings.Contains(c.update, name) {
				used[name] = v
			}
		}
		if len(used) == 0 {
			used = nil
		}
		for name, update := range map[string]updater{
			"UpdateItem": byUpdateItem, "TransactWriteItems": byTransaction,
			"ExecuteStatement": func(ctx context.Context, client *sdk.Client, _ string, _ attrs) error {
				_, err := client.ExecuteStatement(ctx, &sdk.ExecuteStatementInput{Statement: aws.String("UPDATE users " + c.statement + " WHERE id = 'u'")})
				return err
			},
		} {
			if _, err := client.PutItem(ctx, &sdk.PutItemInput{TableName: aws.String("users"), Item: row}); err != nil {
				t.Fatal(err)
			}
			if msg := validationOf(t, update(ctx, client, c.update, used)); msg != c.err {
				t.Errorf("%s %s: %q, want %q", name, c.update, msg, c.err)
			}
			want := attrs{}
			for name, v := range row {
				want[name] = v
			}
			for name, v := range c.want {
				want[name] = v
			}
			got, err := client.GetItem(ctx, &sdk.GetItemInput{TableName: aws.String("users"), Key: attrs{"id": s("u")}})
			if err != nil {
				t.Fatal(err)
			}
			if d := diff(want, got.Item); d != "" {
				t.Errorf("%s %s: %s", name, c.update, d)
			}
		}
	}
}
