package lambda

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/tablecast/tablecast/function/process"
	"github.com/tablecast/tablecast/internal/awsjson"
)

const namePattern = `(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`

var (
	nameForm = regexp.MustCompile(`^(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_.]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?$`)
	nameText = awsjson.Text{Min: 1, Max: 140, Pattern: namePattern, Match: nameForm.MatchString}
	roleText = awsjson.Text{
		Pattern: `arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`,
		Match:   regexp.MustCompile(`^arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$`).MatchString,
	}
)

// nameOf returns the name of a function that a request identifies by its name, its
// ARN or a part of the ARN, with a version or without.
func (a *api) nameOf(text, qualifier string) (string, error) {
	var v awsjson.Validator
	v.Text(&text, "functionName", nameText)
	if err := v.Err(); err != nil {
		return "", err
	}
	m := nameForm.FindStringSubmatch(text)
	name, version := m[7], m[9]
	if err := a.reachable(text, strings.TrimSuffix(m[3], ":"), strings.TrimSuffix(m[5], ":")); err != nil {
		return "", err
	}
	switch {
	case version == "":
		version = qualifier
	case qualifier != "" && qualifier != version:
		return "", invalid("The derived qualifier from the function name does not match the specified qualifier.")
	}
	if version != "" && version != process.Version {
		return "", notFound("Function not found: " + a.functions.ARN(name) + ":" + version)
	}
	return name, nil
}

// reachable returns the error of a function in another region or account; empty
// means that of the node.
func (a *api) reachable(text, region, account string) error {
	own, err := arn.Parse(a.functions.ARN("f"))
	switch {
	case err != nil:
		return err
	case region != "" && region != own.Region:
		return notFound("Functions from '" + region + "' are not reachable in this region ('" + own.Region + "')")
	case account != "" && account != own.AccountID:
		return &awsjson.Error{Type: "AccessDeniedException", Status: http.StatusForbidden,
			Message: "Not authorized to perform this operation on resource: " + text + " because no resource-based policy allows it"}
	}
	return nil
}

// named returns the name of the function that a request's path has.
func (a *api) named(r *awsjson.Request) (string, error) {
	return a.nameOf(r.Param("FunctionName"), r.Query.Get("Qualifier"))
}

// tagged returns the name of the function, or the UUID of the event source
// mapping, that an ARN for tags names.
func (a *api) tagged(r *awsjson.Request) (name, uuid string, err error) {
	text := r.Param("ARN")
	id, err := arn.Parse(text)
	if uuid, ok := strings.CutPrefix(id.Resource, "event-source-mapping:"); err == nil && ok {
		return "", uuid, a.reachable(text, id.Region, id.AccountID)
	}
	if err != nil || !nameForm.MatchString(text) {
		return "", "", invalid("Invalid ARN: " + text)
	}
	name, err = a.nameOf(text, "")
	return name, "", err
}

func invalid(message string) *awsjson.Error {
	return &awsjson.Error{Type: "InvalidParameterValueException", Status: http.StatusBadRequest, Message: message}
}

func notFound(message string) *awsjson.Error {
	return &awsjson.Error{Type: "ResourceNotFoundException", Status: http.StatusNotFound, Message: message}
}
