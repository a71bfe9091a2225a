package streams_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/internal/awsapi/streams"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// A node is tables in a folder, and their streams served on loopback.
type node struct {
	*apitest.Server
	tables  *table.Tables
	streams *stream.Streams
}

// start serves the streams of tables, each with one shard.
func start(t testing.TB) *node {
	t.Helper()
	store := kvtest.Open(t, t.TempDir(), kv.Options{})
	n := &node{}
	var err error
	if n.streams, err = stream.Open(store, stream.Options{Shards: 1}); err != nil {
		t.Fatal(err)
	}
	if n.tables, err = table.Open(store, n.streams, table.Options{}); err != nil {
		t.Fatal(err)
	}
	n.Server = apitest.Serve(t, streams.Service(n.streams, "000000000000", "eu-west-1"), &apitest.Log{})
	return n
}

// client returns the SDK's client of the node.
func (n *node) client() *sdk.Client { return sdk.NewFromConfig(n.Config()) }

// create makes a table with a stream and returns the stream.
func (n *node) create(t testing.TB, name string, view stream.View) *stream.Stream {
	t.Helper()
	d, err := n.tables.Create(table.Spec{Name: name, View: view, Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}})
	if err != nil {
		t.Fatal(err)
	}
	return d.Stream
}

func (n *node) put(t testing.TB, name, text string) {
	t.Helper()
	var it item.Map
	if err := json.Unmarshal([]byte(text), &it); err != nil {
		t.Fatal(err)
	}
	if _, err := n.tables.Put(t.Context(), table.PutRequest{Table: name, Item: it}); err != nil {
		t.Fatal(err)
	}
}

func (n *node) remove(t testing.TB, name, id string) {
	t.Helper()
	key := item.MapOf(item.Field{Name: "id", Value: item.S(id)})
	if _, err := n.tables.Delete(t.Context(), table.DeleteRequest{Table: name, Key: key}); err != nil {
		t.Fatal(err)
	}
}

func (n *node) disable(t testing.TB, name string) {
	t.Helper()
	if _, err := n.tables.Update(name, table.Change{Stream: &table.StreamChange{}}); err != nil {
		t.Fatal(err)
	}
}

// volatile are the parts of a record that differ from run to run.
var volatile = regexp.MustCompile(`("eventID":")[0-9a-f]{32}"|("ApproximateCreationDateTime":)\d{10}([,}])|("SequenceNumber":")\d{21}"`)

// records reads a stream's only shard from its start, on the wire, with what is
// volatile taken out.
func (n *node) records(t testing.TB, st *stream.Stream) string {
	t.Helper()
	_, answer := n.Call(t, "GetShardIterator", `{"StreamArn":"`+st.ARN()+`","ShardId":"`+st.Shards()[0].ID+`","ShardIteratorType":"TRIM_HORIZON"}`)
	var it struct{ ShardIterator string }
	if err := json.Unmarshal([]byte(answer), &it); err != nil || it.ShardIterator == "" {
		t.Fatal(answer, err)
	}
	_, answer = n.Call(t, "GetRecords", `{"ShardIterator":"`+it.ShardIterator+`"}`)
	return volatile.ReplaceAllString(answer, `$1$2$4*$3`)
}

// The records of an insert, a change and a removal, byte for byte in each view.
func TestRecords(t *testing.T) {
	n := start(t)
	const (
		key, first, second = `"Keys":{"id":{"S":"u"}}`, `{"id":{"S":"u"},"n":{"N":"101"}}`, `{"id":{"S":"u"},"n":{"N":"1"}}`
		newFirst           = `,"NewImage":` + first
		newSecond          = `,"NewImage":` + second
		oldFirst           = `,"OldImage":` + first
		oldSecond          = `,"OldImage":` + second
	)
	for view, images := range map[stream.View][3]struct {
		images string
		size   int
	}{
		stream.KeysOnly:        {{"", 3}, {"", 3}, {"", 3}},
		stream.NewImage:        {{newFirst, 10}, {newSecond, 8}, {"", 3}},
		stream.OldImage:        {{"", 3}, {oldFirst, 10}, {oldSecond, 8}},
		stream.NewAndOldImages: {{newFirst, 10}, {newSecond + oldFirst, 15}, {oldSecond, 8}},
	} {
		name := "view-" + strings.ToLower(string(view))
		st := n.create(t, name, view)
		n.put(t, name, first)
		n.put(t, name, second)
		n.put(t, name, second) // no change, no record
		n.remove(t, name, "u")
		n.remove(t, name, "u")
		n.disable(t, name)
		var want []string
		for i, op := range []string{"INSERT", "MODIFY", "REMOVE"} {
			want = append(want, fmt.Sprintf(`{"eventID":"*,"eventName":"%s","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"eu-west-1","dynamodb":{"ApproximateCreationDateTime":*,%s%s,"SequenceNumber":"*,"SizeBytes":%d,"StreamViewType":"%s"}}`,
				op, key, images[i].images, images[i].size, view))
		}
		// The shard is closed: no NextShardIterator.
		if got := n.records(t, st); got != `{"Records":[`+strings.Join(want, ",")+`]}` {
			t.Errorf("%s\n got %s\nwant %s", view, got, strings.Join(want, ",\n"))
		}
	}
}

func TestReadBySDK(t *testing.T) {
	n := start(t)
	st := n.create(t, "users", stream.NewImage)
	c, ctx := n.client(), t.Context()
	d, err := c.DescribeStream(ctx, &sdk.DescribeStreamInput{StreamArn: aws.String(st.ARN())})
	if err != nil {
		t.Fatal(err)
	}
	sd := d.StreamDescription
	if sd.StreamStatus != types.StreamStatusEnabled || sd.StreamViewType != types.StreamViewTypeNewImage || *sd.TableName != "users" || *sd.StreamLabel != st.Label() ||
		len(sd.KeySchema) != 1 || *sd.KeySchema[0].AttributeName != "id" || sd.KeySchema[0].KeyType != types.KeyTypeHash || time.Since(*sd.CreationRequestDateTime) > time.Minute ||
		len(sd.Shards) != 1 || sd.Shards[0].SequenceNumberRange.EndingSequenceNumber != nil || sd.Shards[0].ParentShardId != nil || sd.LastEvaluatedShardId != nil {
		t.Errorf("%+v", sd)
	}
	shard := sd.Shards[0].ShardId
	if !regexp.MustCompile(`^shardId-\d{20}-[0-9a-f]{8}$`).MatchString(*shard) {
		t.Error(*shard)
	}
	iterator := func(kind types.ShardIteratorType, seq *string) *string {
		t.Helper()
		out, err := c.GetShardIterator(ctx, &sdk.GetShardIteratorInput{StreamArn: sd.StreamArn, ShardId: shard, ShardIteratorType: kind, SequenceNumber: seq})
		if err != nil {
			t.Fatal(err)
		}
		return out.ShardIterator
	}
	read := func(it *string, limit int32) (ids []string, seqs []*string, next *string) {
		t.Helper()
		out, err := c.GetRecords(ctx, &sdk.GetRecordsInput{ShardIterator: it, Limit: aws.Int32(limit)})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range out.Records {
			ids = append(ids, r.Dynamodb.Keys["id"].(*types.AttributeValueMemberS).Value)
			seqs = append(seqs, r.Dynamodb.SequenceNumber)
			if r.UserIdentity != nil || r.Dynamodb.OldImage != nil || r.EventName != types.OperationTypeInsert || r.Dynamodb.ApproximateCreationDateTime.Nanosecond() != 0 {
				t.Errorf("%+v %+v", r, r.Dynamodb)
			}
		}
		return ids, seqs, out.NextShardIterator
	}
	put := func(ids ...string) {
		for _, id := range ids {
			n.put(t, "users", `{"id":{"S":"`+id+`"}}`)
		}
	}
	put("a", "b", "c")
	latest := iterator(types.ShardIteratorTypeLatest, nil)
	if ids, _, next := read(latest, 10); ids != nil || next == nil {
		t.Errorf("latest: %v %v", ids, next)
	}
	put("d", "e")
	horizon := iterator(types.ShardIteratorTypeTrimHorizon, nil)
	ids, seqs, next := read(horizon, 2)
	more, _, next := read(next, 1000)
	again, _, _ := read(horizon, 2) // an iterator is a position
	if fmt.Sprint(ids, more, again) != "[a b] [c d e] [a b]" {
		t.Error(ids, more, again)
	}
	at, _, _ := read(iterator(types.ShardIteratorTypeAtSequenceNumber, seqs[1]), 10)
	after, _, _ := read(iterator(types.ShardIteratorTypeAfterSequenceNumber, seqs[1]), 10)
	fromStart, _, _ := read(iterator(types.ShardIteratorTypeAtSequenceNumber, sd.Shards[0].SequenceNumberRange.StartingSequenceNumber), 10)
	late, _, _ := read(latest, 10)
	if fmt.Sprint(at, after, fromStart, late) != "[b c d e] [c d e] [a b c d e] [d e]" {
		t.Error(at, after, fromStart, late)
	}
	n.disable(t, "users")
	if ids, _, end := read(next, 10); ids != nil || end != nil {
		t.Errorf("closed shard: %v %v", ids, end)
	}
	if ids, _, end := read(iterator(types.ShardIteratorTypeLatest, nil), 10); ids != nil || end != nil {
		t.Errorf("latest of a closed shard: %v %v", ids, end)
	}
	d, err = c.DescribeStream(ctx, &sdk.DescribeStreamInput{StreamArn: sd.StreamArn})
	if err != nil || d.StreamDescription.StreamStatus != types.StreamStatusDisabled || d.StreamDescription.Shards[0].SequenceNumberRange.EndingSequenceNumber == nil {
		t.Errorf("%+v %v", d, err)
	}
	var missing *types.ResourceNotFoundException
	if _, err := c.GetShardIterator(ctx, &sdk.GetShardIteratorInput{StreamArn: sd.StreamArn, ShardId: aws.String("shardId-00000000000000000000-00000000"), ShardIteratorType: types.ShardIteratorTypeLatest}); !errors.As(err, &missing) {
		t.Errorf("unknown shard: %v", err)
	}
}

// The sizes of a page's records are a megabyte at most, but a page has one record at
// least: one that would cross the limit begins the next page, and none is lost.
func TestPageBytes(t *testing.T) {
	n := start(t)
	st := n.create(t, "users", stream.NewImage)
	sizes := []int{300 << 10, 300 << 10, 300 << 10, 300 << 10, 1, 399 << 10, 399 << 10, 399 << 10, 1, 1}
	for i, size := range sizes {
		n.put(t, "users", fmt.Sprintf(`{"id":{"S":"u"},"n":{"N":"%d"},"x":{"S":"%s"}}`, i, strings.Repeat("x", size)))
	}
	var got []string
	for _, page := range pages(t, n, st) {
		bytes := int64(0)
		for _, r := range page {
			bytes += *r.Dynamodb.SizeBytes
			got = append(got, r.Dynamodb.NewImage["n"].(*types.AttributeValueMemberN).Value)
		}
		if bytes > 1<<20 {
			t.Errorf("a page has %d records of %d bytes", len(page), bytes)
		}
	}
	if strings.Join(got, "") != "0123456789" {
		t.Errorf("the pages have the records %v", got)
	}
	both := n.create(t, "lines", stream.NewAndOldImages)
	for i := range 3 {
		n.put(t, "lines", fmt.Sprintf(`{"id":{"S":"u"},"n":{"N":"%d"},"x":{"S":"%s"}}`, i, strings.Repeat("x", 399<<10)))
	}
	if got := pages(t, n, both); len(got) != 3 {
		t.Errorf("two images of 399 KiB share a page: %d pages", len(got))
	}
}

// pages returns the pages of a stream's first shard up to its newest record.
func pages(t *testing.T, n *node, st *stream.Stream) (out [][]types.Record) {
	t.Helper()
	c := n.client()
	it, err := c.GetShardIterator(t.Context(), &sdk.GetShardIteratorInput{StreamArn: aws.String(st.ARN()), ShardId: aws.String(st.Shards()[0].ID), ShardIteratorType: types.ShardIteratorTypeTrimHorizon})
	if err != nil {
		t.Fatal(err)
	}
	for next := it.ShardIterator; ; {
		page, err := c.GetRecords(t.Context(), &sdk.GetRecordsInput{ShardIterator: next})
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Records) == 0 {
			return out
		}
		out, next = append(out, page.Records), page.NextShardIterator
	}
}

func TestListBySDK(t *testing.T) {
	n := start(t)
	var want []string
	for i := range 5 {
		want = append(want, n.create(t, fmt.Sprintf("table-%d", i), stream.KeysOnly).ARN())
	}
	if _, err := n.tables.Drop("table-1"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.tables.Create(table.Spec{Name: "plain", Schema: item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}}); err != nil {
		t.Fatal(err)
	}
	c := n.client()
	var got []string
	var after *string
	for pages := 0; pages == 0 || after != nil; pages++ {
		out, err := c.ListStreams(t.Context(), &sdk.ListStreamsInput{Limit: aws.Int32(2), ExclusiveStartStreamArn: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range out.Streams {
			got = append(got, *s.StreamArn)
			if !strings.HasSuffix(*s.StreamArn, ":table/"+*s.TableName+"/stream/"+*s.StreamLabel) {
				t.Errorf("%+v", s)
			}
		}
		if after = out.LastEvaluatedStreamArn; after != nil && *after != got[len(got)-1] {
			t.Errorf("page ends at %s, says %s", got[len(got)-1], *after)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Error(got)
	}
	for body, answer := range map[string]string{`{"TableName":"plain"}`: `{"Streams":[]}`, `{"TableName":"absent"}`: `{"Streams":[]}`} {
		if status, got := n.Call(t, "ListStreams", body); status != 200 || got != answer {
			t.Errorf("%s: %d %s", body, status, got)
		}
	}
	if _, got := n.Call(t, "ListStreams", `{"TableName":"table-1"}`); !strings.Contains(got, want[1]) || strings.Contains(got, "LastEvaluated") {
		t.Error(got)
	}
}

func TestDescribePages(t *testing.T) {
	n := start(t)
	st := n.create(t, "users", stream.KeysOnly)
	arn, shard := `{"StreamArn":"`+st.ARN()+`"`, st.Shards()[0].ID
	for rest, want := range map[string]string{
		`,"ExclusiveStartShardId":"` + shard + `"}`:                                   `"Shards":[]}}`,
		`,"ExclusiveStartShardId":"shardId-99999999999999999999-00000000"}`:           `"Shards":[]}}`,
		`,"ShardFilter":{"Type":"CHILD_SHARDS","ShardId":"` + shard + `"}}`:           `"Shards":[]}}`,
		`,"ExclusiveStartShardId":"shardId-00000000000000000000-00000000","Limit":1}`: `"Shards":[{"ShardId":"` + shard + `","SequenceNumberRange":{"StartingSequenceNumber":"`,
	} {
		if status, got := n.Call(t, "DescribeStream", arn+rest); status != 200 || !strings.Contains(got, want) || strings.Contains(got, "LastEvaluatedShardId") {
			t.Errorf("%s: %d %s", rest, status, got)
		}
	}
}

func TestErrors(t *testing.T) {
	n := start(t)
	st := n.create(t, "users", stream.NewImage)
	const (
		validate = "com.amazon.coral.validate#ValidationException"
		notFound = "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"
		unknown  = "arn:aws:dynamodb:us-east-1:000000000000:table/none/stream/2020-01-01T00:00:00.000"
	)
	at := func(value, path, must string) string {
		return "1 validation error detected: Value " + value + " at '" + path + "' failed to satisfy constraint: Member must " + must
	}
	shard := func(rest string) string {
		return `{"StreamArn":"` + st.ARN() + `","ShardId":"` + st.Shards()[0].ID + `",` + rest + `}`
	}
	big := strings.Repeat("9", 40)
	for _, c := range []struct{ op, body, kind, message string }{
		{"ListStreams", `{"Limit":0}`, validate, at("'0'", "limit", "have value greater than or equal to 1")},
		{"ListStreams", `{"Limit":101}`, validate, at("'101'", "limit", "have value less than or equal to 100")},
		{"ListStreams", `{"ExclusiveStartStreamArn":"x"}`, validate, "Invalid StreamArn"},
		{"ListStreams", `{"TableName":"x"}`, validate, at("'x'", "tableName", "have length greater than or equal to 3")},
		{"DescribeStream", `{}`, validate, at("null", "streamArn", "not be null")},
		{"DescribeStream", `{"StreamArn":"arn:aws:dynamodb:us-east-1:1:table/users"}`, validate, "Invalid StreamArn"},
		{"DescribeStream", `{"StreamArn":"` + unknown + `"}`, notFound, "Requested resource not found: Stream: " + unknown + " not found"},
		{"DescribeStream", `{"StreamArn":"` + st.ARN() + `","ShardFilter":{"ShardId":"` + st.Shards()[0].ID + `"}}`, validate, at("null", "shardFilter.type", "not be null")},
		{"DescribeStream", `{"StreamArn":"` + st.ARN() + `","ShardFilter":{"Type":"X","ShardId":"` + st.Shards()[0].ID + `"}}`, validate, at("'X'", "shardFilter.type", "satisfy enum value set: [CHILD_SHARDS]")},
		{"DescribeStream", `{"StreamArn":"` + st.ARN() + `","ShardFilter":{"Type":"CHILD_SHARDS","ShardId":"x"}}`, validate, at("'x'", "shardFilter.shardId", "have length greater than or equal to 28")},
		{"GetShardIterator", `{"StreamArn":"` + unknown + `","ShardId":"shardId-00000000000000000000-00000000","ShardIteratorType":"LATEST"}`, notFound, "Requested resource not found: Stream: " + unknown + " not found"},
		{"GetShardIterator", `{"StreamArn":"` + st.ARN() + `","ShardId":"x","ShardIteratorType":"LATEST"}`, validate, at("'x'", "shardId", "have length greater than or equal to 28")},
		{"GetShardIterator", `{"StreamArn":"` + st.ARN() + `","ShardId":"shardId-00000000000000000000-00000000","ShardIteratorType":"LATEST"}`, notFound, "Requested resource not found"},
		{"GetShardIterator", shard(`"ShardIteratorType":"OLDEST"`), validate, at("'OLDEST'", "shardIteratorType", "satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_SEQUENCE_NUMBER, TRIM_HORIZON]")},
		{"GetShardIterator", shard(`"ShardIteratorType":"AT_SEQUENCE_NUMBER"`), validate, "Missing required SequenceNumber for ShardIteratorType AT_SEQUENCE_NUMBER"},
		{"GetShardIterator", shard(`"ShardIteratorType":"LATEST","SequenceNumber":"100000000000000000001"`), validate, "SequenceNumber must not be given for ShardIteratorType LATEST"},
		{"GetShardIterator", shard(`"ShardIteratorType":"AT_SEQUENCE_NUMBER","SequenceNumber":"1"`), validate, at("'1'", "sequenceNumber", "have length greater than or equal to 21")},
		{"GetShardIterator", shard(`"ShardIteratorType":"AT_SEQUENCE_NUMBER","SequenceNumber":"` + big + `"`), validate, "Invalid SequenceNumber: " + big},
		{"GetRecords", `{}`, validate, at("null", "shardIterator", "not be null")},
		{"GetRecords", `{"ShardIterator":"garbage"}`, validate, "Invalid ShardIterator"},
		{"GetRecords", `{"ShardIterator":"` + st.ARN() + `|1|AAAA"}`, validate, "Invalid ShardIterator"},
		{"GetRecords", `{"ShardIterator":"x","Limit":0}`, validate, at("'0'", "limit", "have value greater than or equal to 1")},
		{"GetRecords", `{"ShardIterator":"x","Limit":-1}`, validate, at("'-1'", "limit", "have value greater than or equal to 1")},
		{"GetRecords", `{"ShardIterator":"x","Limit":1001}`, validate, at("'1001'", "limit", "have value less than or equal to 1000")},
	} {
		want, err := json.Marshal(map[string]string{"__type": c.kind, "message": c.message}, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		if status, answer := n.Call(t, c.op, c.body); status != 400 || answer != string(want) {
			t.Errorf("%s %s\n got %d %s\nwant 400 %s", c.op, c.body, status, answer, want)
		}
	}
	if n.Log.String() != "" {
		t.Error(n.Log.String())
	}
}

// Whatever a request says, the answer is a success or a client's error.
func TestMutatedRequests(t *testing.T) {
	n := start(t)
	st := n.create(t, "users", stream.NewImage)
	n.put(t, "users", `{"id":{"S":"u"}}`)
	_, answer := n.Call(t, "GetShardIterator", `{"StreamArn":"`+st.ARN()+`","ShardId":"`+st.Shards()[0].ID+`","ShardIteratorType":"TRIM_HORIZON"}`)
	corpus := []struct{ op, body string }{
		{"ListStreams", `{"TableName":"users","Limit":2,"ExclusiveStartStreamArn":"` + st.ARN() + `"}`},
		{"DescribeStream", `{"StreamArn":"` + st.ARN() + `","Limit":1,"ShardFilter":{"Type":"CHILD_SHARDS","ShardId":"` + st.Shards()[0].ID + `"}}`},
		{"GetShardIterator", `{"StreamArn":"` + st.ARN() + `","ShardId":"` + st.Shards()[0].ID + `","ShardIteratorType":"AT_SEQUENCE_NUMBER","SequenceNumber":"` + stream.FormatSeq(st.Last()) + `"}`},
		{"GetRecords", answer},
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range 2000 {
		c := corpus[i%len(corpus)]
		body := []byte(c.body)
		for range r.IntN(3) {
			at := r.IntN(len(body))
			switch r.IntN(3) {
			case 0:
				body[at] = byte(r.UintN(256))
			case 1:
				body = append(body[:at:at], body[min(len(body), at+1+r.IntN(9)):]...)
			default:
				body = append(body[:at:at], append([]byte(`"9`), body[at:]...)...)
			}
			if len(body) == 0 {
				break
			}
		}
		if status, answer := n.Call(t, c.op, string(body)); status != 200 && status != 400 {
			t.Errorf("%s %q: %d %s", c.op, body, status, answer)
		}
	}
	if n.Log.String() != "" {
		t.Error(n.Log.String())
	}
}
