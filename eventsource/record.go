package eventsource

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/stream"
)

// A record is a change on its way to the function.
type record struct {
	seq  uint64
	item string // key of the item, as JSON
	json []byte // as the function sees it
	at   time.Time
	done bool
}

func newRecord(r *stream.Record, region string) *record {
	return &record{seq: r.Seq, item: string(item.AppendJSON(nil, r.Keys)), json: AppendRecord(nil, r, region), at: r.Time}
}

// AppendRecord appends a record as functions see it: JSON of the shape that
// Lambda gives to functions which DynamoDB Streams feed.
func AppendRecord(dst []byte, r *stream.Record, region string) []byte {
	dst = fmt.Appendf(dst, `{"eventID":"%s","eventName":"%s","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"%s","dynamodb":{"ApproximateCreationDateTime":%d`,
		r.EventID(), r.Op, region, r.Time.Unix())
	for _, image := range []struct {
		name string
		item item.Item
	}{{"Keys", r.Keys}, {"NewImage", r.New}, {"OldImage", r.Old}} {
		if image.item != nil {
			dst = append(dst, `,"`+image.name+`":`...)
			dst = item.AppendJSON(dst, image.item)
		}
	}
	dst = fmt.Appendf(dst, `,"SequenceNumber":"%s","SizeBytes":%d,"StreamViewType":"%s"}`, r.Sequence(), r.Size, r.View())
	if r.Expired {
		dst = append(dst, `,"userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"}`...)
	}
	return fmt.Appendf(dst, `,"eventSourceARN":"%s"}`, r.ARN())
}

// parseRecord is the inverse of AppendRecord, but for what functions do not see:
// the time is cut to seconds. The record has an Origin.
func parseRecord(b []byte) (*stream.Record, error) {
	var in struct {
		EventID  string `json:"eventID"`
		Op       string `json:"eventName"`
		ARN      string `json:"eventSourceARN"`
		DynamoDB struct {
			Time     int64       `json:"ApproximateCreationDateTime"`
			Keys     item.Map    `json:"Keys"`
			New      item.Map    `json:"NewImage"`
			Old      item.Map    `json:"OldImage"`
			Sequence string      `json:"SequenceNumber"`
			Size     int         `json:"SizeBytes"`
			View     stream.View `json:"StreamViewType"`
		} `json:"dynamodb"`
		Expired *struct{} `json:"userIdentity"`
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return nil, fmt.Errorf("eventsource: record: %w", err)
	}
	name, err := arn.Parse(in.ARN)
	if err != nil {
		return nil, fmt.Errorf("eventsource: record: %w", err)
	}
	table, _, _ := strings.Cut(strings.TrimPrefix(name.Resource, "table/"), "/")
	d := &in.DynamoDB
	r := &stream.Record{
		Time: time.Unix(d.Time, 0).UTC(), Keys: d.Keys, New: d.New, Old: d.Old, Size: d.Size, Expired: in.Expired != nil,
		Origin: &stream.Origin{ARN: in.ARN, Table: table, View: d.View, Sequence: d.Sequence, EventID: in.EventID},
	}
	for op := stream.Insert; op <= stream.Remove; op++ {
		if op.String() == in.Op {
			r.Op = op
		}
	}
	return r, nil
}

// payload returns the event of a batch, without its last brace.
func payload(batch []*record) []byte {
	dst := []byte(`{"Records":[`)
	for i, r := range batch {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, r.json...)
	}
	return append(dst, ']')
}
