package streams

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// A record keeps each kind of value, where it stands, and who removed the item.
func TestConvert(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	image := map[string]types.AttributeValue{
		"s": &types.AttributeValueMemberS{Value: "é"}, "n": &types.AttributeValueMemberN{Value: "12345678901234567890.12345678901234567"},
		"b": &types.AttributeValueMemberB{Value: []byte{0, 255}}, "t": &types.AttributeValueMemberBOOL{Value: true}, "z": &types.AttributeValueMemberNULL{Value: true},
		"l": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberS{Value: ""}}},
		"m": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{}}, "ss": &types.AttributeValueMemberSS{Value: []string{"a", "b"}},
		"ns": &types.AttributeValueMemberNS{Value: []string{"1"}}, "bs": &types.AttributeValueMemberBS{Value: [][]byte{{1}}},
	}
	r := types.Record{
		EventID: aws.String("e1"), EventName: types.OperationTypeRemove, UserIdentity: &types.Identity{PrincipalId: aws.String("dynamodb.amazonaws.com"), Type: aws.String("Service")},
		Dynamodb: &types.StreamRecord{
			ApproximateCreationDateTime: &at, Keys: map[string]types.AttributeValue{"s": image["s"]}, OldImage: image,
			SequenceNumber: aws.String("4421584500000000017450439091"), SizeBytes: aws.Int64(26), StreamViewType: types.StreamViewTypeOldImage,
		},
	}
	got, err := convert("arn", "users", []types.Record{r})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"b":{"B":"AP8="},"bs":{"BS":["AQ=="]},"l":{"L":[{"S":""}]},"m":{"M":{}},"n":{"N":"12345678901234567890.12345678901234567"},` +
		`"ns":{"NS":["1"]},"s":{"S":"é"},"ss":{"SS":["a","b"]},"t":{"BOOL":true},"z":{"NULL":true}}`
	if diff := cmp.Diff(want, string(item.AppendJSON(nil, got[0].Old))); diff != "" {
		t.Error(diff)
	}
	g := &got[0]
	if g.Op != stream.Remove || !g.Expired || g.Size != 26 || !g.Time.Equal(at) || g.New != nil || string(item.AppendJSON(nil, g.Keys)) != `{"s":{"S":"é"}}` {
		t.Errorf("%+v", g)
	}
	if g.ARN() != "arn" || g.Table() != "users" || g.View() != stream.OldImage || g.Sequence() != "4421584500000000017450439091" || g.EventID() != "e1" {
		t.Errorf("%+v", g.Origin)
	}
	r.UserIdentity = nil
	if got, err := convert("arn", "users", []types.Record{r}); err != nil || got[0].Expired {
		t.Error(got, err)
	}
	for want, bad := range map[string]types.Record{
		"no sequence number":         {EventName: types.OperationTypeInsert},
		`unknown operation "UPSERT"`: {EventName: "UPSERT", Dynamodb: r.Dynamodb},
		"attribute x: unknown kind":  {EventName: types.OperationTypeInsert, Dynamodb: &types.StreamRecord{SequenceNumber: aws.String("1"), NewImage: map[string]types.AttributeValue{"x": nil}}},
	} {
		if _, err := convert("arn", "users", []types.Record{bad}); err == nil || !strings.Contains(err.Error(), want) {
			t.Error(err)
		}
	}
}

// Sequence numbers differ in length: they are numbers, not texts.
func TestCompareSequence(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"820400000000000001192334", "4421584500000000017450439091", -1}, {"9", "10", -1}, {"10", "9", 1}, {"12", "12", 0}, {"", "0", 0}, {"", "1", -1}, {"007", "7", 0},
		{"100000000093582842803", "99999999999999999999", 1},
	} {
		if got := compareSequence(c.a, c.b); got != c.want {
			t.Errorf("%s and %s: %d", c.a, c.b, got)
		}
	}
}
