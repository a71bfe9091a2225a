package eventbridge

import (
	"testing"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/bus/schedule"
	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/pattern"
	"github.com/tablecast/tablecast/target"
	"github.com/tablecast/tablecast/target/connection"
)

// exceptions has each exported error of the domain and what it becomes.
var exceptions = map[string]apitest.Error{
	"bus.ErrBusNotFound":                {bus.ErrBusNotFound, notFound},
	"bus.ErrBusExists":                  {bus.ErrBusExists, "ResourceAlreadyExistsException"},
	"bus.ErrBusName":                    {bus.ErrBusName, validation},
	"bus.ErrDefaultBus":                 {bus.ErrDefaultBus, validation},
	"bus.ErrBusHasRules":                {bus.ErrBusHasRules, validation},
	"bus.ErrRuleNotFound":               {bus.ErrRuleNotFound, notFound},
	"bus.ErrRuleHasTargets":             {bus.ErrRuleHasTargets, validation},
	"bus.ErrTooManyTags":                {bus.ErrTooManyTags, validation},
	"bus.ErrScheduleBus":                {bus.ErrScheduleBus, validation},
	"schedule.ErrInvalid":               {schedule.ErrInvalid, validation},
	"connection.ErrNotFound":            {connection.ErrNotFound, notFound},
	"connection.ErrExists":              {connection.ErrExists, exists},
	"connection.ErrDestinationNotFound": {connection.ErrDestinationNotFound, notFound},
	"connection.ErrDestinationExists":   {connection.ErrDestinationExists, exists},
	"connection.NameError":              {&connection.NameError{Name: "n", Err: connection.ErrNotFound}, notFound},
	"bus.ErrManagedRule":                {bus.ErrManagedRule, "ManagedRuleException"},
	"bus.ErrArchiveNotFound":            {bus.ErrArchiveNotFound, notFound},
	"bus.ErrArchiveExists":              {bus.ErrArchiveExists, exists},
	"bus.ErrReplayNotFound":             {bus.ErrReplayNotFound, notFound},
	"bus.ErrReplayExists":               {bus.ErrReplayExists, exists},
	"bus.ErrReplayOver":                 {bus.ErrReplayOver, "IllegalStatusException"},
	"bus.ErrReplayBus":                  {bus.ErrReplayBus, validation},
	"bus.ErrReplayWindow":               {bus.ErrReplayWindow, validation},
	"bus.ErrLimit":                      {bus.ErrLimit, "LimitExceededException"},
	"bus.ErrPutCount":                   {bus.ErrPutCount, validation},
	"bus.ErrPutSize":                    {bus.ErrPutSize, validation},
	"bus.ErrBatchSize":                  {bus.ErrBatchSize, "LimitExceededException"},
	"bus.ErrBatchFull":                  {bus.ErrBatchFull, "ThrottlingException"},
	"bus.ErrNoSource":                   {bus.ErrNoSource, "InvalidArgument"},
	"bus.ErrNoDetailType":               {bus.ErrNoDetailType, "InvalidArgument"},
	"bus.ErrNoDetail":                   {bus.ErrNoDetail, "InvalidArgument"},
	"bus.ErrTime":                       {bus.ErrTime, "InvalidArgument"},
	"bus.ErrReservedSource":             {bus.ErrReservedSource, "NotAuthorizedForSourceException"},
	"bus.NameError":                     {&bus.NameError{Bus: "b", Err: bus.ErrBusNotFound}, notFound},
	"bus.InputError":                    {&bus.InputError{Msg: "m"}, validation},
	"pattern.Error":                     {&pattern.Error{Msg: "m"}, "InvalidEventPatternException"},
	"pattern.ErrAmbiguous":              {pattern.ErrAmbiguous, "MalformedDetail"},
	"target.ParseError":                 {&target.ParseError{}, validation},
	"target.Error":                      {&target.Error{Msg: "m"}, apitest.Unexpected}, // of a delivery, which no caller waits for
	"event.ErrEnvelope":                 {event.ErrEnvelope, validation},
	"event.ErrDetail":                   {event.ErrDetail, "MalformedDetail"},
	"event.ErrCorrupt":                  {event.ErrCorrupt, apitest.Unexpected},
	"kv.ErrDiskFull":                    {kv.ErrDiskFull, "ThrottlingException"},
	"kv.ErrClosed":                      {kv.ErrClosed, internal},
	"kv.ErrNotFound":                    {kv.ErrNotFound, apitest.Unexpected}, // never leaves package bus over the wire
	"kv.ErrCorrupt":                     {kv.ErrCorrupt, apitest.Unexpected},
	"target.ErrNoFunction":              {target.ErrNoFunction, apitest.Unexpected}, // of deliveries
	"kv.ErrExists":                      {kv.ErrExists, apitest.Unexpected},         // of a checkpoint
	"kv.ErrBuilding":                    {kv.ErrBuilding, apitest.Unexpected},       // of a checkpoint
	"kv.ErrLocked":                      {kv.ErrLocked, apitest.Unexpected},         // of opening a store, as all below
	"kv.ErrNewerFormat":                 {kv.ErrNewerFormat, apitest.Unexpected},
	"kv.ErrBehindWatermark":             {kv.ErrBehindWatermark, apitest.Unexpected},
}

// Each exported error of the domain has a row, and becomes what the row says
// even when it is wrapped.
func TestEveryErrorHasARow(t *testing.T) {
	apitest.Errors(t, mapError, exceptions, "bus", "pattern", "target", "delivery", "event", "kv", "bus/schedule", "target/connection")
}

// The table of operations names each operation of the model once, in order,
// and says why where one is not offered in full.
func TestOperations(t *testing.T) {
	apitest.Operations(t, Operations())
	if n := len(Operations()); n != 57 {
		t.Errorf("%d operations", n)
	}
}
