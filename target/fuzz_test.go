package target

import (
	"errors"
	"testing"
)

// Whatever the ARN, it names a target or an error says what to write instead.
func FuzzOpen(f *testing.F) {
	for _, s := range []string{
		"https://example.com/x?y#z", "http://[::1]:80", "log:-", "log:a", "log:/x", `command:["a"]`, "nats://h/s", "tls://h", "go:x",
		"arn:aws:sqs:us-east-1:1:q.fifo", "arn:aws:sns:r:1:t", "arn:aws:kinesis:r:1:stream/s", "arn:aws:states:r:1:stateMachine:m", "arn:aws:logs:r:1:log-group:/a:*", "arn:aws:lambda:r:1:function:f:1", ":",
	} {
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, arn string, aws bool) {
		o := Options{LogDir: "unused"}
		if aws {
			o.AWS = &AWS{}
		}
		got, err := Open(arn, o)
		var bad *ParseError
		if (got == nil) == (err == nil) || err != nil && (!errors.As(err, &bad) || bad.Fix == "" || bad.Msg == "") {
			t.Errorf("%q: %v, %v", arn, got, err)
		}
	})
}
