package eventbridge

import (
	"errors"
	"strings"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/pattern"
)

// mapError turns a domain error into EventBridge's.
func mapError(err error) *awsjson.Error {
	var bad *pattern.Error
	switch name := after(err); {
	case errors.As(err, &bad):
		return &awsjson.Error{Type: "InvalidEventPatternException", Message: "Event pattern is not valid. Reason: " + bad.Error()}
	case errors.Is(err, bus.ErrBusNotFound):
		return &awsjson.Error{Type: "ResourceNotFoundException", Message: "Event bus " + name + " does not exist."}
	case errors.Is(err, bus.ErrBusExists):
		return &awsjson.Error{Type: "ResourceAlreadyExistsException", Message: "Event bus " + name + " already exists."}
	case errors.Is(err, bus.ErrDefaultBus):
		return awsjson.Validation("Cannot delete event bus default.")
	case errors.Is(err, bus.ErrBusHasRules):
		return awsjson.Validation("Event bus " + name + " has rules; delete them first.")
	case errors.Is(err, bus.ErrRuleNotFound):
		rule, on, _ := strings.Cut(name, " on ")
		return &awsjson.Error{Type: "ResourceNotFoundException", Message: "Rule " + rule + " does not exist on EventBus " + on + "."}
	case errors.Is(err, bus.ErrRuleHasTargets):
		return awsjson.Validation("Rule can't be deleted since it has targets.")
	case errors.Is(err, bus.ErrTooManyTargets):
		return &awsjson.Error{Type: "LimitExceededException", Message: "The requested resource exceeds the maximum number allowed."}
	case errors.Is(err, kv.ErrDiskFull):
		// SDKs try again after a throttled request; nothing was stored.
		return &awsjson.Error{Type: "ThrottlingException", Message: "The disk of this node is nearly full; events are refused until space is free."}
	}
	return nil
}

// after returns what an error says behind its sentinel.
func after(err error) string {
	text := err.Error()
	return text[strings.LastIndex(text, ": ")+min(2, len(text)):]
}
