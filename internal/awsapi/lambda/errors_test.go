package lambda

import (
	"testing"

	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/function"
	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/awsapi/apitest"
	"github.com/tablecast/tablecast/kv"
)

// exceptions has each exported error of the domain and what it becomes.
var exceptions = map[string]apitest.Error{
	"function.ErrNotFound":        {function.ErrNotFound, missing},
	"function.ErrExists":          {function.ErrExists, conflict},
	"function.ErrDeclared":        {function.ErrDeclared, invalidValue},
	"function.ErrRevision":        {function.ErrRevision, "PreconditionFailedException"},
	"function.ErrOff":             {function.ErrOff, "AccessDeniedException"},
	"function.ErrConcurrency":     {function.ErrConcurrency, throttled},
	"function.ErrStatement":       {function.ErrStatement, missing},
	"function.ErrStatementExists": {function.ErrStatementExists, conflict},
	"function.ErrNoConfig":        {function.ErrNoConfig, missing},
	"function.ErrTooManyTags":     {function.ErrTooManyTags, invalidValue},
	"function.ErrZip":             {function.ErrZip, invalidValue},
	"function.ErrCodeSize":        {function.ErrCodeSize, invalidValue},
	"function.ErrBacklog":         {function.ErrBacklog, throttled},
	"function.DestinationError":   {&function.DestinationError{ARN: "x"}, invalidValue},
	"eventsource.ErrNotFound":     {eventsource.ErrNotFound, missing},
	"eventsource.ErrNoStream":     {eventsource.ErrNoStream, invalidValue},
	"eventsource.ErrNoFunction":   {eventsource.ErrNoFunction, invalidValue},
	"eventsource.ErrFilter":       {eventsource.ErrFilter, invalidValue},
	"eventsource.ErrBusy":         {eventsource.ErrBusy, "ResourceInUseException"},
	"function.ErrRefused":         {function.ErrRefused, apitest.Unexpected}, // of destinations, as its namesake
	"eventsource.ErrRefused":      {eventsource.ErrRefused, apitest.Unexpected},
	"eventsource.ErrTooManyTags":  {eventsource.ErrTooManyTags, invalidValue},
	"eventsource.ExistsError":     {&eventsource.ExistsError{}, conflict},
	"process.ErrClosed":           {process.ErrClosed, service},
	"process.ErrBusy":             {process.ErrBusy, throttled},
	"process.ErrPayloadTooLarge":  {process.ErrPayloadTooLarge, tooLarge},
	"process.Error":               {&process.Error{}, apitest.Unexpected}, // becomes a State or an answer
	"kv.ErrDiskFull":              {kv.ErrDiskFull, service},
	"kv.ErrClosed":                {kv.ErrClosed, service},
	"kv.ErrNotFound":              {kv.ErrNotFound, apitest.Unexpected}, // never leaves package lambda
	"kv.ErrCorrupt":               {kv.ErrCorrupt, apitest.Unexpected},
	"kv.ErrExists":                {kv.ErrExists, apitest.Unexpected},   // of a checkpoint
	"kv.ErrBuilding":              {kv.ErrBuilding, apitest.Unexpected}, // of a checkpoint
	"kv.ErrLocked":                {kv.ErrLocked, apitest.Unexpected},   // of opening a store, as all below
	"kv.ErrNewerFormat":           {kv.ErrNewerFormat, apitest.Unexpected},
	"kv.ErrBehindWatermark":       {kv.ErrBehindWatermark, apitest.Unexpected},
}

// Each exported error of the domain has a row, and becomes what the row says
// even when it is wrapped.
func TestEveryErrorHasARow(t *testing.T) {
	apitest.Errors(t, mapError, exceptions, "function", "eventsource", "function/process", "kv")
}

// The table of operations names each operation of the model once, in order,
// and says why where one is not offered in full.
func TestOperations(t *testing.T) {
	apitest.Operations(t, Operations())
}
