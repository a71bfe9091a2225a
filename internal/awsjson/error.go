package awsjson

import (
	"net/http"
	"strings"
)

// An Error is an exception of AWS: the answer to a request that failed.
type Error struct {
	// Type is the name of the exception. It is written with the namespace of
	// the service or the framework, unless it has one.
	Type string
	// Status is the HTTP status. The default is 400.
	Status int
	// Message is the text; an empty one is left out.
	Message string
	// Fields are further members of the body, such as Item. Their values are
	// written as JSON.
	Fields map[string]any

	class int // where in Message a class of the service's model begins; 0: nowhere
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

// text returns the message with the namespace of the model before its class.
func (e *Error) text(model string) string {
	if e.class == 0 || model == "" {
		return e.Message
	}
	return e.Message[:e.class] + model + "." + e.Message[e.class:]
}

// messageName returns the member that holds the message, which a few exceptions
// write in upper case.
func (e *Error) messageName() string {
	if e.Type == serialization || e.Type == accessDenied || e.Type == "TransactionCanceledException" {
		return "Message"
	}
	return "message"
}

const (
	serialization    = "SerializationException"
	unknownOperation = "UnknownOperationException"
	accessDenied     = "AccessDeniedException"
	validation       = "ValidationException"
)

// frameworks holds the namespaces of the exceptions that are not a service's
// own.
var frameworks = map[string]string{
	validation:                            "com.amazon.coral.validate#",
	serialization:                         "com.amazon.coral.service#",
	unknownOperation:                      "com.amazon.coral.service#",
	accessDenied:                          "com.amazon.coral.service#",
	"MissingAuthenticationTokenException": "com.amazon.coral.service#",
	"IncompleteSignatureException":        "com.amazon.coral.service#",
	"InvalidSignatureException":           "com.amazon.coral.service#",
	"UnrecognizedClientException":         "com.amazon.coral.service#",
	"ExpiredTokenException":               "com.amazon.coral.service#",
	"RequestEntityTooLargeException":      "com.amazon.coral.service#",
	"ServiceUnavailableException":         "com.amazon.coral.availability#",
	"ThrottlingException":                 "com.amazon.coral.availability#",
}

// qualify returns the name of an exception as "__type" has it.
func qualify(model, name string) string {
	if model == "" || strings.Contains(name, "#") {
		return name
	}
	if ns, ok := frameworks[name]; ok {
		return ns + name
	}
	return model + "#" + name
}

// Validation returns the error of a request that breaks a rule of its
// operation, with the message.
func Validation(message string) *Error {
	return &Error{Type: validation, Status: http.StatusBadRequest, Message: message}
}

// UnknownOperation returns the error of an operation that is not offered, with
// a message that says so.
func UnknownOperation(message string) *Error { return errUnknownOperation(message) }

func errUnknownOperation(message string) *Error {
	return &Error{Type: unknownOperation, Status: http.StatusBadRequest, Message: message}
}

func errSerialization(message string) *Error {
	return &Error{Type: serialization, Status: http.StatusBadRequest, Message: message}
}
