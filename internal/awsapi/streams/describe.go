package streams

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/stream"
)

type listed struct{ StreamArn, TableName, StreamLabel string }

func (a *api) listStreams(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		TableName               *string
		Limit                   *int
		ExclusiveStartStreamArn *string
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.Text(r.TableName, "tableName", awsjson.Text{Min: 3, Max: 255})
	awsjson.Range(&v, r.Limit, "limit", 1, 100)
	if err := v.Err(); err != nil {
		return nil, err
	}
	table, after, limit := "", "", 100
	if r.TableName != nil {
		table = *r.TableName
	}
	if r.Limit != nil {
		limit = *r.Limit
	}
	if r.ExclusiveStartStreamArn != nil {
		if after = *r.ExclusiveStartStreamArn; !arnForm.MatchString(after) {
			return nil, awsjson.Validation("Invalid StreamArn")
		}
	}
	found, _ := a.streams.List(table, after, limit)
	out := struct {
		Streams                []listed
		LastEvaluatedStreamArn string `json:",omitzero"`
	}{Streams: []listed{}}
	for _, st := range found {
		out.Streams = append(out.Streams, listed{st.ARN(), st.Table(), st.Label()})
	}
	if len(found) == limit {
		out.LastEvaluatedStreamArn = found[limit-1].ARN()
	}
	return json.Marshal(out)
}

type keyElement struct{ AttributeName, KeyType string }

type seqRange struct {
	StartingSequenceNumber string
	EndingSequenceNumber   string `json:",omitzero"`
}

type shard struct {
	ShardId             string
	SequenceNumberRange seqRange
	ParentShardId       string `json:",omitzero"`
}

type description struct {
	StreamArn               string
	StreamLabel             string
	StreamStatus            string
	StreamViewType          string
	CreationRequestDateTime float64
	TableName               string
	KeySchema               []keyElement
	Shards                  []shard
	LastEvaluatedShardId    string `json:",omitzero"`
}

func (a *api) describeStream(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		StreamArn             *string
		Limit                 *int
		ExclusiveStartShardId *string
		ShardFilter           *struct{ Type, ShardId *string }
	}
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	var v awsjson.Validator
	v.RequiredText(r.StreamArn, "streamArn", arnText)
	awsjson.Range(&v, r.Limit, "limit", 1, 100)
	v.Text(r.ExclusiveStartShardId, "exclusiveStartShardId", shardForm)
	parent := ""
	if f := r.ShardFilter; f != nil {
		v.RequiredText(f.Type, "shardFilter.type", awsjson.Text{Enum: []string{"CHILD_SHARDS"}})
		v.RequiredText(f.ShardId, "shardFilter.shardId", shardForm)
		if f.ShardId != nil {
			parent = *f.ShardId
		}
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	st, err := a.find(*r.StreamArn)
	if err != nil {
		return nil, err
	}
	limit, after := 100, ""
	if r.Limit != nil {
		limit = *r.Limit
	}
	if r.ExclusiveStartShardId != nil {
		after = *r.ExclusiveStartShardId
	}
	return json.Marshal(map[string]any{"StreamDescription": describe(st, parent, after, limit)})
}

// describe describes a stream: its shards, or the children of parent, after the
// shard after.
func describe(st *stream.Stream, parent, after string, limit int) description {
	out := description{
		StreamArn: st.ARN(), StreamLabel: st.Label(), StreamStatus: "ENABLED", StreamViewType: string(st.View()),
		CreationRequestDateTime: float64(st.Created().UnixMilli()) / 1000, TableName: st.Table(), Shards: []shard{},
	}
	if !st.Enabled() {
		out.StreamStatus = "DISABLED"
	}
	for i, k := range st.Schema().Attrs() {
		out.KeySchema = append(out.KeySchema, keyElement{k.Name, [...]string{"HASH", "RANGE"}[i]})
	}
	for _, s := range st.Shards() {
		if s.ID <= after || parent != "" && s.Parent != parent {
			continue
		}
		if len(out.Shards) == limit {
			out.LastEvaluatedShardId = out.Shards[limit-1].ShardId
			break
		}
		w := shard{ShardId: s.ID, ParentShardId: s.Parent, SequenceNumberRange: seqRange{StartingSequenceNumber: stream.FormatSeq(s.First)}}
		if !s.Open() {
			w.SequenceNumberRange.EndingSequenceNumber = stream.FormatSeq(s.Last)
		}
		out.Shards = append(out.Shards, w)
	}
	return out
}
