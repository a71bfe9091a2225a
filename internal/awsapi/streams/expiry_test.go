package streams_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsapi/streams"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv/kvtest"
	"github.com/tablecast/tablecast/stream"
	"github.com/tablecast/tablecast/table"
)

// An iterator dies after 15 minutes, and a position whose records were removed
// is refused as such.
func TestExpiredAndTrimmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := kvtest.NewMem(t)
		ss, err := stream.Open(store, stream.Options{Shards: 1, Rotate: 1000 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		tables, err := table.Open(store, ss, table.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- ss.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		n := &node{tables: tables}
		st := n.create(t, "users", stream.NewImage)
		n.put(t, "users", `{"id":{"S":"a"}}`)
		svc := streams.Service(ss, "000000000000", "eu-west-1")
		call := func(op, body string) (map[string]any, string) {
			out, err := svc.Ops[op].Run(t.Context(), []byte(body))
			var answer map[string]any
			if err == nil {
				err = json.Unmarshal(out, &answer)
			}
			if err == nil {
				return answer, ""
			}
			var e *awsjson.Error
			if !errors.As(err, &e) {
				e = svc.MapError(err)
			}
			return nil, e.Type + ": " + e.Message
		}
		shard := `{"StreamArn":"` + st.ARN() + `","ShardId":"` + st.Shards()[0].ID + `",`
		first := stream.FormatSeq(st.Last())
		it, _ := call("GetShardIterator", shard+`"ShardIteratorType":"TRIM_HORIZON"}`)
		read := `{"ShardIterator":"` + it["ShardIterator"].(string) + `"}`
		time.Sleep(15 * time.Minute)
		if _, e := call("GetRecords", read); e != "" {
			t.Error(e)
		}
		time.Sleep(time.Second)
		if _, e := call("GetRecords", read); e != "ExpiredIteratorException: Iterator expired. The iterator was created more than 15 minutes ago." {
			t.Error(e)
		}
		time.Sleep(26 * time.Hour)
		n.put(t, "users", `{"id":{"S":"b"}}`)
		if _, e := call("GetShardIterator", shard+`"ShardIteratorType":"AT_SEQUENCE_NUMBER","SequenceNumber":"`+first+`"}`); e != "TrimmedDataAccessException: The operation attempted to read past the oldest stream record in a shard." {
			t.Errorf("%q, trimmed to %d of %s", e, st.Trimmed(), first)
		}
		it, _ = call("GetShardIterator", shard+`"ShardIteratorType":"TRIM_HORIZON"}`)
		answer, e := call("GetRecords", `{"ShardIterator":"`+it["ShardIterator"].(string)+`"}`)
		if records := answer["Records"].([]any); e != "" || len(records) != 1 {
			t.Errorf("%d records, %s", len(records), e)
		}
	})
}

// A record of an expired item says who removed it.
func TestExpiredItem(t *testing.T) {
	store := kvtest.NewMem(t)
	ss, err := stream.Open(store, stream.Options{Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	schema := item.KeySchema{Hash: item.KeyAttr{Name: "id", Kind: item.String}}
	b := store.NewBatch()
	st := ss.Create(b, stream.Spec{Table: "users", Schema: schema, View: stream.KeysOnly, At: time.Now()})
	if _, err := store.Commit(b); err != nil {
		t.Fatal(err)
	}
	b = store.NewBatch()
	appended := st.Append(b, time.Now(), []stream.Change{{Partition: []byte("a"), Old: item.MapOf(item.Field{Name: "id", Value: item.S("a")}), Expired: true}})
	if _, err := store.Commit(b); err != nil {
		t.Fatal(err)
	}
	appended.Committed()
	svc := streams.Service(ss, "000000000000", "eu-west-1")
	out, err := svc.Ops["GetShardIterator"].Run(t.Context(), []byte(`{"StreamArn":"`+st.ARN()+`","ShardId":"`+st.Shards()[0].ID+`","ShardIteratorType":"TRIM_HORIZON"}`))
	if err != nil {
		t.Fatal(err)
	}
	out, err = svc.Ops["GetRecords"].Run(t.Context(), out)
	var answer struct {
		Records []struct {
			UserIdentity struct{ PrincipalId, Type string } `json:"userIdentity"`
		}
	}
	if err == nil {
		err = json.Unmarshal(out, &answer)
	}
	if err != nil || len(answer.Records) != 1 || answer.Records[0].UserIdentity.PrincipalId != "dynamodb.amazonaws.com" || answer.Records[0].UserIdentity.Type != "Service" {
		t.Errorf("%s %v", out, err)
	}
}
