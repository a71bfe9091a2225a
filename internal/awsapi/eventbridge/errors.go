package eventbridge

import (
	"errors"
	"net/http"
	"strings"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/bus/schedule"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/awsjson"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/pattern"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/connection"
)

const (
	validation = "ValidationException"
	notFound   = "ResourceNotFoundException"
	exists     = "ResourceAlreadyExistsException"
	internal   = "InternalException"
)

// rows has, for each error of the domain, the exception or the ErrorCode of an entry
// of PutEvents, and its text. {bus}, {rule} and {name} in a text stand for the names
// that the error is about.
var rows = []struct {
	err        error
	kind, text string
}{
	{bus.ErrBusNotFound, notFound, "Event bus {bus} does not exist."},
	{bus.ErrBusExists, exists, "Event bus {bus} already exists."},
	{bus.ErrBusName, validation, "Event bus name must not contain '/'."},
	{bus.ErrDefaultBus, validation, "Cannot delete event bus default."},
	{bus.ErrBusHasRules, validation, "Event bus {bus} can't be deleted since it has rules."},
	{bus.ErrRuleNotFound, notFound, "Rule {rule} does not exist on EventBus {bus}."},
	{bus.ErrRuleHasTargets, validation, "Rule can't be deleted since it has targets."},
	{bus.ErrScheduleBus, validation, "ScheduleExpression is supported only on the default event bus."},
	{schedule.ErrInvalid, validation, "Parameter ScheduleExpression is not valid."},
	{bus.ErrManagedRule, "ManagedRuleException", "Rule {rule} is managed; only its manager may change it."},
	{bus.ErrArchiveNotFound, notFound, "Archive {name} does not exist."},
	{bus.ErrArchiveExists, exists, "Archive {name} already exists."},
	{bus.ErrReplayNotFound, notFound, "Replay {name} does not exist."},
	{bus.ErrReplayExists, exists, "Replay {name} already exists."},
	{bus.ErrReplayOver, "IllegalStatusException", "Replay {name} is not in a valid state for this operation."},
	{bus.ErrReplayBus, validation, "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted."},
	{bus.ErrReplayWindow, validation, "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime."},
	{connection.ErrNotFound, notFound, "Failed to describe the connection(s). Connection '{name}' does not exist."},
	{connection.ErrExists, exists, "Connection {name} already exists."},
	{connection.ErrDestinationNotFound, notFound, "Failed to describe the api-destination(s). An api-destination '{name}' does not exist."},
	{connection.ErrDestinationExists, exists, "An api-destination '{name}' already exists."},
	{bus.ErrTooManyTags, validation, "Invalid parameter: A resource can have at most 50 tags."},
	{bus.ErrLimit, "LimitExceededException", "The requested resource exceeds the maximum number allowed."},

	{bus.ErrPutCount, validation, "A request takes 1 to 10 entries."},
	{bus.ErrPutSize, validation, "Total size of the entries in the request is over the limit."},
	{bus.ErrBatchSize, "LimitExceededException", "Archives and targets would have too many copies of the entry. Let fewer rules and archives match, or put smaller entries."},
	{bus.ErrBatchFull, "ThrottlingException", "Archives and targets would have too many copies of the entry and those before it. Put it again, with fewer entries."},
	{bus.ErrNoSource, "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."},
	{bus.ErrNoDetailType, "InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument."},
	{bus.ErrNoDetail, "InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."},
	{bus.ErrTime, "InvalidArgument", "Parameter Time is not valid. Reason: Time is not in the years 0 to 9999."},
	{bus.ErrReservedSource, "NotAuthorizedForSourceException", "Not authorized for the source."},
	{event.ErrDetail, "MalformedDetail", "Detail is malformed."},
	{pattern.ErrAmbiguous, "MalformedDetail", "Detail is malformed."},
	{event.ErrEnvelope, validation, "Parameter Event is not valid."},

	// SDKs try again after a throttled request; nothing was stored.
	{kv.ErrDiskFull, "ThrottlingException", "The disk of this node is nearly full; events are refused until space is free."},
	{kv.ErrClosed, internal, "The node is shutting down."},
}

// mapError turns a domain error into EventBridge's; nil is one that no request
// should meet, such as a damaged store.
func mapError(err error) *awsjson.Error {
	var (
		badPattern *pattern.Error
		badInput   *bus.InputError
		badTarget  *target.ParseError
	)
	switch {
	case errors.As(err, &badPattern):
		return &awsjson.Error{Type: "InvalidEventPatternException", Message: "Event pattern is not valid. Reason: " + badPattern.Error()}
	case errors.As(err, &badInput):
		return awsjson.Validation(badInput.Msg)
	case errors.As(err, &badTarget):
		return awsjson.Validation("Parameter " + badTarget.ARN + " is not valid. Reason: " + badTarget.Msg + "; write " + badTarget.Fix + ".")
	}
	for _, r := range rows {
		if errors.Is(err, r.err) {
			status := http.StatusBadRequest
			if r.kind == internal {
				status = http.StatusInternalServerError
			}
			return &awsjson.Error{Type: r.kind, Status: status, Message: about(err, r.text)}
		}
	}
	return nil
}

// about puts the names that an error is about into a text.
func about(err error, text string) string {
	var c *connection.NameError
	if errors.As(err, &c) {
		return strings.ReplaceAll(text, "{name}", c.Name)
	}
	var e *bus.NameError
	if !errors.As(err, &e) {
		return text
	}
	return strings.NewReplacer("{bus}", e.Bus, "{rule}", e.Rule, "{name}", e.Name).Replace(text)
}
