package eventsource

import (
	"testing"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/stream"
)

// A record that functions see and that is read back is the same to functions.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"eventID":"e","eventName":"MODIFY","awsRegion":"r","dynamodb":{"ApproximateCreationDateTime":1900000000,"Keys":{"id":{"S":"1"}},"NewImage":{"id":{"S":"1"},"n":{"N":"1e2"}},"OldImage":{"id":{"S":"1"}},"SequenceNumber":"1","SizeBytes":9,"StreamViewType":"NEW_AND_OLD_IMAGES"},"userIdentity":{},"eventSourceARN":"arn:aws:dynamodb:us-east-1:000000000000:table/users/stream/l"}`))
	f.Add([]byte(`{"eventSourceARN":"arn:a:b:c:d:e","eventName":"","dynamodb":{"Keys":{}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(b)
		if err != nil || r.Op == 0 {
			return
		}
		again, err := parseRecord(AppendRecord(nil, r, "us-east-1"))
		if err == nil && (again.Op != r.Op || !again.Time.Equal(r.Time) || again.Expired != r.Expired || (again.New == nil) != (r.New == nil)) {
			t.Errorf("%+v came back as %+v", r, again)
		}
	})
}

// Whatever a function answers, the batch is cut within its bounds.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{``, `null`, `{}`, `{"batchItemFailures":[{"itemIdentifier":"` + stream.FormatSeq(2) + `"}]}`, `{"state":{"a":1}}`, `{"batchItemFailures":[null,1,{}]}`} {
		f.Add([]byte(s), true, 0)
		f.Add([]byte(s), false, 30)
	}
	batch := []*record{{seq: 1}, {seq: 2}, {seq: 3}}
	f.Fuzz(func(t *testing.T, payload []byte, report bool, window int) {
		s := Settings{Report: report, TumblingWindow: window}
		v := judge(&s, batch, &process.Result{Payload: payload})
		if v.good < 0 || v.good > len(batch) || v.partial && !report {
			t.Errorf("%q: %+v", payload, v)
		}
	})
}
