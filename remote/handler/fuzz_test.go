package handler

import "testing"

// Whatever Lambda or Pipes hand in, it is refused or each record is one.
func FuzzRead(f *testing.F) {
	record := `{"eventID":"e","eventName":"INSERT","eventSourceARN":"arn:aws:dynamodb:r:1:table/t/stream/l","dynamodb":{"ApproximateCreationDateTime":1.9e9,"Keys":{"id":{"S":"1"}},"NewImage":{"id":{"S":"1"}},"SequenceNumber":"1","SizeBytes":9,"StreamViewType":"NEW_IMAGE"},"userIdentity":{"PrincipalId":"x"}}`
	f.Add([]byte(`{"Records":[` + record + `]}`))
	f.Add([]byte(`[` + record + `,{}]`))
	f.Add([]byte(`{"Records":[{"dynamodb":{"ApproximateCreationDateTime":1e308,"SequenceNumber":"1"},"eventSourceARN":":::::"}]}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		records, _, err := read(payload)
		if err != nil {
			if records != nil {
				t.Errorf("%d records with %v", len(records), err)
			}
			return
		}
		for _, r := range records {
			parseARN(r.ARN)
			if out, err := r.toStream("t"); err == nil && (out.Op == 0 || out.Sequence() == "") {
				t.Errorf("%+v", out)
			}
		}
	})
}
