package lambda

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/tablecast/tablecast/eventsource"
	"github.com/tablecast/tablecast/internal/awsjson"
)

// onError is the tag that sets eventsource.Settings.OnError.
const onError = "tablecast:on-error"

type filterCriteria struct {
	Filters []struct{ Pattern *string }
}

// mappingMembers are what CreateEventSourceMapping and UpdateEventSourceMapping
// share.
type mappingMembers struct {
	FunctionName                   *string
	Enabled                        *bool
	BatchSize                      *int
	MaximumBatchingWindowInSeconds *int
	ParallelizationFactor          *int
	MaximumRetryAttempts           *int
	MaximumRecordAgeInSeconds      *int
	BisectBatchOnFunctionError     *bool
	TumblingWindowInSeconds        *int
	FunctionResponseTypes          []string
	FilterCriteria                 *filterCriteria
	DestinationConfig              *destinations
}

func (m *mappingMembers) validate(v *awsjson.Validator) {
	awsjson.Range(v, m.BatchSize, "batchSize", 1, 10000)
	awsjson.Range(v, m.MaximumBatchingWindowInSeconds, "maximumBatchingWindowInSeconds", 0, 300)
	awsjson.Range(v, m.ParallelizationFactor, "parallelizationFactor", 1, 10)
	awsjson.Range(v, m.MaximumRetryAttempts, "maximumRetryAttempts", -1, 10000)
	awsjson.Range(v, m.MaximumRecordAgeInSeconds, "maximumRecordAgeInSeconds", -1, 604800)
	awsjson.Range(v, m.TumblingWindowInSeconds, "tumblingWindowInSeconds", 0, 900)
	v.Length(len(m.FunctionResponseTypes), "'["+strings.Join(m.FunctionResponseTypes, ", ")+"]'", "functionResponseTypes", 0, 1)
	for _, t := range m.FunctionResponseTypes {
		v.Text(&t, "functionResponseTypes", awsjson.Text{Enum: []string{"ReportBatchItemFailures"}})
	}
	if d := m.DestinationConfig; d != nil && d.OnFailure != nil {
		v.Text(d.OnFailure.Destination, "destinationConfig.onFailure.destination", awsjson.Text{Max: 350})
	}
}

// check finds what the model allows and Lambda refuses.
func (m *mappingMembers) check() error {
	if age := value(m.MaximumRecordAgeInSeconds); age >= 0 && age < 60 && m.MaximumRecordAgeInSeconds != nil {
		return invalid("MaximumRecordAgeInSeconds must be -1 or from 60 to 604800.")
	}
	if d := m.DestinationConfig; d != nil && arnOf(d.OnSuccess) != "" {
		return invalid("Unsupported DestinationConfig parameter for given event source mapping type.")
	}
	if f := m.FilterCriteria; f != nil {
		if len(f.Filters) > 10 {
			return invalid("A mapping can have at most 10 filters.")
		}
		for _, p := range f.Filters {
			if p.Pattern == nil || utf8.RuneCountInString(*p.Pattern) > 4096 {
				return invalid("Invalid filter pattern definition.")
			}
		}
	}
	return nil
}

// apply sets what the request has. function is the name of the function, empty
// for no change.
func (m *mappingMembers) apply(s *eventsource.Settings, function string) {
	if function != "" {
		s.Function = function
	}
	set(&s.Enabled, m.Enabled)
	set(&s.BatchSize, m.BatchSize)
	set(&s.BatchingWindow, m.MaximumBatchingWindowInSeconds)
	set(&s.Parallel, m.ParallelizationFactor)
	set(&s.MaxRetry, m.MaximumRetryAttempts)
	set(&s.MaxAge, m.MaximumRecordAgeInSeconds)
	set(&s.Bisect, m.BisectBatchOnFunctionError)
	set(&s.TumblingWindow, m.TumblingWindowInSeconds)
	if m.FunctionResponseTypes != nil {
		s.Report = len(m.FunctionResponseTypes) > 0
	}
	if m.FilterCriteria != nil {
		s.Filters = nil
		for _, f := range m.FilterCriteria.Filters {
			s.Filters = append(s.Filters, *f.Pattern)
		}
	}
	if m.DestinationConfig != nil {
		s.OnFailure = arnOf(m.DestinationConfig.OnFailure)
	}
}

// mappingAnswer is a mapping, as answers have it.
type mappingAnswer struct {
	UUID                           string
	EventSourceMappingArn          string
	EventSourceArn                 string
	FunctionArn                    string
	BatchSize                      int
	MaximumBatchingWindowInSeconds int
	ParallelizationFactor          int
	TumblingWindowInSeconds        int
	MaximumRetryAttempts           int
	MaximumRecordAgeInSeconds      int
	BisectBatchOnFunctionError     bool
	DestinationConfig              destinations
	FilterCriteria                 *filterCriteria `json:",omitzero"`
	FunctionResponseTypes          []string
	StartingPosition               string
	State                          string
	StateTransitionReason          string
	LastProcessingResult           string
	LastModified                   float64
}

// mappingARN returns the ARN of a mapping, in the account and the region of the
// node's functions.
func (a *api) mappingARN(uuid string) string {
	id, err := arn.Parse(a.functions.ARN(uuid))
	if err != nil {
		return ""
	}
	id.Resource = "event-source-mapping:" + uuid
	return id.String()
}

func (a *api) mapped(s eventsource.Status) mappingAnswer {
	out := mappingAnswer{
		UUID: s.UUID, EventSourceArn: s.Stream, FunctionArn: a.functions.ARN(s.Function),
		EventSourceMappingArn: a.mappingARN(s.UUID), BatchSize: s.BatchSize, MaximumBatchingWindowInSeconds: s.BatchingWindow, ParallelizationFactor: s.Parallel,
		TumblingWindowInSeconds: s.TumblingWindow, MaximumRetryAttempts: s.MaxRetry, MaximumRecordAgeInSeconds: s.MaxAge,
		BisectBatchOnFunctionError: s.Bisect, DestinationConfig: destinations{OnFailure: &destination{}}, FunctionResponseTypes: []string{},
		StartingPosition: s.Start, State: s.State, StateTransitionReason: "User action", LastProcessingResult: s.Result, LastModified: epoch(s.Modified),
	}
	if s.OnFailure != "" {
		out.DestinationConfig.OnFailure.Destination = &s.OnFailure
	}
	if s.Report {
		out.FunctionResponseTypes = []string{"ReportBatchItemFailures"}
	}
	if len(s.Filters) > 0 {
		out.FilterCriteria = &filterCriteria{}
		for _, f := range s.Filters {
			out.FilterCriteria.Filters = append(out.FilterCriteria.Filters, struct{ Pattern *string }{&f})
		}
	}
	return out
}

// mapMapping turns an error of mappings into Lambda's; nil is one that is none
// of theirs.
func mapMapping(err error) *awsjson.Error {
	var exists *eventsource.ExistsError
	switch {
	case errors.As(err, &exists):
		return &awsjson.Error{Type: conflict, Status: http.StatusConflict, Message: `The event source arn (" ` + exists.Stream + ` ") and function (" ` + exists.Function +
			` ") provided mapping already exists. Please update or delete the existing mapping with UUID ` + exists.UUID}
	case errors.Is(err, eventsource.ErrNotFound):
		return notFound("The resource you requested does not exist.")
	case errors.Is(err, eventsource.ErrNoStream):
		return invalid("Stream not found: " + about(err))
	case errors.Is(err, eventsource.ErrNoFunction):
		return invalid("Function does not exist")
	case errors.Is(err, eventsource.ErrFilter):
		return invalid("Invalid filter pattern definition.")
	case errors.Is(err, eventsource.ErrBusy):
		return &awsjson.Error{Type: "ResourceInUseException", Status: http.StatusBadRequest, Message: "Cannot update the event source mapping because it is in use."}
	case errors.Is(err, eventsource.ErrTooManyTags):
		return invalid("A resource can have at most 50 tags.")
	}
	return nil
}
