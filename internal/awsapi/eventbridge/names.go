package eventbridge

import (
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/internal/awsjson"
)

// Constraints of the model.
var (
	busName     = whole(256, `[/\.\-_A-Za-z0-9]+`)
	busRef      = whole(1600, `(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus\/)?[/\.\-_A-Za-z0-9]+`)
	entryBusRef = whole(1600, `(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus\/)?[\.\-_A-Za-z0-9]+`)
	ruleName    = whole(64, `[\.\-_A-Za-z0-9]+`)
	variable    = whole(256, `[A-Za-z0-9\_\-]+`)

	archiveName = whole(48, `[\.\-_A-Za-z0-9]+`)

	archiveStates = awsjson.Text{Enum: []string{"ENABLED", "DISABLED", "CREATING", "UPDATING", "CREATE_FAILED", "UPDATE_FAILED"}}
	replayStates  = awsjson.Text{Enum: []string{"STARTING", "RUNNING", "CANCELLING", "COMPLETED", "CANCELLED", "FAILED"}}

	anARN       = awsjson.Text{Min: 1, Max: 1600}
	description = awsjson.Text{Max: 512}
	ruleStates  = awsjson.Text{Enum: []string{"ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}}
	logLevels   = awsjson.Text{Enum: []string{"OFF", "ERROR", "INFO", "TRACE"}}
	logDetails  = awsjson.Text{Enum: []string{"NONE", "FULL"}}
)

// whole is the constraint of a string, not empty and of at most high bytes, that
// a pattern describes as a whole.
func whole(high int, pattern string) awsjson.Text {
	return awsjson.Text{Min: 1, Max: high, Pattern: pattern, Match: regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString}
}

// ours reports whether an ARN is of the account and the region of the node.
func (a *api) ours(id arn.ARN) bool { return id.String() == a.arn(id.Resource) }

// busOf returns the name of a bus that is given by name, by ARN or not at all. For the
// ARN of another account or region it returns the ARN, which is the name of no bus.
func (a *api) busOf(ref *string) string {
	if ref == nil {
		return bus.Default
	}
	if name := a.resourceName(*ref, "event-bus"); name != "" {
		return name
	}
	return *ref
}

// resourceName returns NAME of an ARN of this node whose resource is kind/NAME, and
// nothing for any other text.
func (a *api) resourceName(text, kind string) string {
	id, err := arn.Parse(text)
	if err != nil || !a.ours(id) {
		return ""
	}
	name, ok := strings.CutPrefix(id.Resource, kind+"/")
	if !ok {
		return ""
	}
	return name
}

var resource = regexp.MustCompile(`^arn:aws[\w-]*:events:[a-z0-9-]+:[0-9]{12}:(?:event-bus/(.+)|rule/(?:(.+)/)?([^/]+))$`)

// resourceOf returns the bus and rule that an ARN names; of a bus, rule is
// empty.
func (a *api) resourceOf(text string) (name, rule string, err error) {
	m := resource.FindStringSubmatch(text)
	id, _ := arn.Parse(text) // one that does not parse does not match
	switch {
	case m == nil:
		return "", "", awsjson.Validation("Parameter " + text + " is not valid. Reason: Provided Arn is not in correct format.")
	case !a.ours(id):
		return "", "", &awsjson.Error{Type: notFound, Message: "Resource " + text + " does not exist."}
	case m[1] != "":
		return m[1], "", nil
	case m[2] == "":
		return bus.Default, m[3], nil
	default:
		return m[2], m[3], nil
	}
}

// decode reads the body of a request and checks it.
func decode(body []byte, r interface{ validate() error }) error {
	if err := awsjson.Decode(body, r); err != nil {
		return err
	}
	return r.validate()
}

// value returns what an optional member holds; empty if it is absent.
func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
