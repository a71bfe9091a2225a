// Package awsjson serves AWS's JSON protocols: POST /, the operation named by
// X-Amz-Target, JSON in and out, errors as {"__type", "message"}. It checks
// signatures and limits and dispatches; it knows no service.
//
// Each answer carries x-amzn-RequestId and x-amz-crc32, the decimal CRC-32 of
// its body, which clients of DynamoDB check.
//
// Limits hold before anything is parsed: the size of a body, and of all bodies
// that are in memory at one time. With keys, the signature is verified before
// the body is parsed.
//
// Source: AWS's Smithy documentation of awsJson1_0 and awsJson1_1, and the IAM
// user guide, "Signature Version 4".
package awsjson

import (
	"context"
	"fmt"
	"net/http"
)

// An Op is one operation: it reads the request's body and returns the answer's.
type Op func(ctx context.Context, body []byte) ([]byte, error)

// A Service is the operations under one target prefix.
type Service struct {
	Prefix      string // of X-Amz-Target, before the dot
	ContentType string
	Ops         map[string]Op
	// MapError turns an operation's error into the answer's; nil for one that
	// it does not know, which is answered as an internal error and logged.
	MapError func(error) *Error
}

// An Error is an answer that tells of a failure.
type Error struct {
	Type    string // the whole __type, with its namespace
	Status  int    // of HTTP; 0 is 400
	Message string
	Member  string // name of the message's member; empty: message
	Extra   string // further members of the body, as JSON with a leading comma
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

func (e *Error) status() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// Errors that do not depend on a service.
func coral(name, format string, args ...any) *Error {
	return &Error{Type: "com.amazon.coral.service#" + name, Message: fmt.Sprintf(format, args...)}
}

// Unknown is the answer to an operation that is not offered.
func Unknown() *Error { return &Error{Type: "com.amazon.coral.service#UnknownOperationException"} }

// Serialization is the answer to a body that does not have the shape of the
// request.
func Serialization(msg string) *Error {
	return &Error{Type: "com.amazon.coral.service#SerializationException", Message: msg, Member: "Message"}
}
