package eventbridge

import (
	"context"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/tablecast/tablecast/bus"
	"github.com/tablecast/tablecast/internal/awsjson"
)

type archiveMembers struct {
	ArchiveName, Description, EventPattern, KmsKeyIdentifier *string
	RetentionDays                                            *int
}

func (r *archiveMembers) validate(v *awsjson.Validator) {
	v.RequiredText(r.ArchiveName, "archiveName", archiveName)
	v.Text(r.Description, "description", description)
	v.Text(r.EventPattern, "eventPattern", awsjson.Text{Max: 4096})
	awsjson.Range(v, r.RetentionDays, "retentionDays", 0, 1<<31-1)
}

// meaning returns the error of members that are not offered.
func (r *archiveMembers) meaning() error {
	if value(r.KmsKeyIdentifier) != "" {
		return awsjson.Validation("Parameter KmsKeyIdentifier is not valid. Reason: Encryption with customer managed keys is not offered here.")
	}
	return nil
}

// archiveAnswer is the answer of CreateArchive and UpdateArchive.
func (a *api) archiveAnswer(x bus.Archive) ([]byte, error) {
	return json.Marshal(struct {
		ArchiveArn, State string
		CreationTime      float64
	}{a.arn("archive/" + x.Name), "ENABLED", epoch(x.Created)})
}

func (a *api) createArchive(_ context.Context, body []byte) ([]byte, error) {
	var r struct {
		archiveMembers
		EventSourceArn *string
	}
	err := awsjson.DecodeValid(body, &r, func(v *awsjson.Validator) {
		r.validate(v)
		v.RequiredText(r.EventSourceArn, "eventSourceArn", anARN)
	})
	if err != nil {
		return nil, err
	}
	if err := r.meaning(); err != nil {
		return nil, err
	}
	source, err := a.busARN(*r.EventSourceArn, "EventSourceArn")
	if err != nil {
		return nil, err
	}
	x := bus.Archive{Name: *r.ArchiveName, Bus: source, Description: value(r.Description), Pattern: value(r.EventPattern)}
	if r.RetentionDays != nil {
		x.RetentionDays = *r.RetentionDays
	}
	if err := a.buses.CreateArchive(x); err != nil {
		return nil, err
	}
	made, err := a.buses.Archive(x.Name)
	if err != nil {
		return nil, err
	}
	return a.archiveAnswer(made.Archive)
}

func (a *api) updateArchive(_ context.Context, body []byte) ([]byte, error) {
	var r archiveMembers
	err := awsjson.DecodeValid(body, &r, r.validate)
	if err != nil {
		return nil, err
	}
	if err := r.meaning(); err != nil {
		return nil, err
	}
	if r.Description == nil && r.EventPattern == nil && r.RetentionDays == nil {
		return nil, awsjson.Validation("At least one of EventPattern, RetentionDays or Description must be provided.")
	}
	x, err := a.buses.UpdateArchive(*r.ArchiveName, bus.ArchiveUpdate{Description: r.Description, Pattern: r.EventPattern, RetentionDays: r.RetentionDays})
	if err != nil {
		return nil, err
	}
	return a.archiveAnswer(x.Archive)
}

// named decodes a request whose one member is the name of an archive or a
// replay.
func named(body []byte, member string, c awsjson.Text) (string, error) {
	var r struct{ ArchiveName, ReplayName, Name *string }
	if err := awsjson.Decode(body, &r); err != nil {
		return "", err
	}
	name := map[string]*string{"archiveName": r.ArchiveName, "replayName": r.ReplayName, "name": r.Name}[member]
	var v awsjson.Validator
	v.RequiredText(name, member, c)
	if err := v.Err(); err != nil {
		return "", err
	}
	return *name, nil
}

// An archiveItem is an archive as lists have it.
type archiveItem struct {
	ArchiveName, EventSourceArn, State string
	RetentionDays                      int
	SizeBytes, EventCount              uint64
	CreationTime                       float64
}

func (a *api) archiveItem(x bus.ArchiveInfo) archiveItem {
	return archiveItem{x.Name, a.buses.ARN(x.Bus), "ENABLED", x.RetentionDays, x.Bytes, x.Events, epoch(x.Created)}
}

func (a *api) describeArchive(_ context.Context, body []byte) ([]byte, error) {
	name, err := named(body, "archiveName", archiveName)
	if err != nil {
		return nil, err
	}
	x, err := a.buses.Archive(name)
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		ArchiveArn   string
		Description  string `json:",omitzero"`
		EventPattern string `json:",omitzero"`
		archiveItem
	}{a.arn("archive/" + name), x.Description, x.Pattern, a.archiveItem(x)})
}

func (a *api) deleteArchive(_ context.Context, body []byte) ([]byte, error) {
	name, err := named(body, "archiveName", archiveName)
	if err != nil {
		return nil, err
	}
	return blank, a.buses.DeleteArchive(name)
}

// A listing is the members of ListArchives and ListReplays.
type listing struct {
	NamePrefix, State, EventSourceArn *string
	paging
}

func (r *listing) validate(op string, states awsjson.Text) error {
	var v awsjson.Validator
	v.Text(r.NamePrefix, "namePrefix", awsjson.Text{Min: 1, Max: 64, Pattern: ruleName.Pattern, Match: ruleName.Match})
	v.Text(r.State, "state", states)
	v.Text(r.EventSourceArn, "eventSourceArn", anARN)
	r.paging.validate(&v)
	if err := v.Err(); err != nil {
		return err
	}
	given := 0
	for _, p := range []*string{r.NamePrefix, r.State, r.EventSourceArn} {
		if p != nil {
			given++
		}
	}
	if given > 1 {
		return awsjson.Validation("At most one filter is allowed for " + op + ". Use either : State, EventSourceArn, or NamePrefix.")
	}
	return nil
}

func (a *api) listArchives(_ context.Context, body []byte) ([]byte, error) {
	var r listing
	if err := awsjson.Decode(body, &r); err != nil {
		return nil, err
	}
	if err := r.validate("ListArchives", archiveStates); err != nil {
		return nil, err
	}
	source := ""
	if r.EventSourceArn != nil {
		var err error
		if source, err = a.busARN(*r.EventSourceArn, "EventSourceArn"); err != nil {
			return nil, err
		}
		if _, err := a.buses.Describe(source); err != nil {
			return nil, err
		}
	}
	all, err := a.buses.Archives()
	if err != nil {
		return nil, err
	}
	var wanted []bus.ArchiveInfo
	for _, x := range all {
		if strings.HasPrefix(x.Name, value(r.NamePrefix)) && (source == "" || x.Bus == source) && (r.State == nil || *r.State == "ENABLED") {
			wanted = append(wanted, x)
		}
	}
	return answer(&r.paging, "Archives", wanted, func(x bus.ArchiveInfo) string { return x.Name }, a.archiveItem)
}

// busARN returns the bus that an ARN names.
func (a *api) busARN(arn, member string) (string, error) {
	name, rule, err := a.resourceOf(arn)
	if err != nil || rule != "" {
		return "", awsjson.Validation("Parameter " + member + " is not valid. Reason: Must contain an event bus ARN.")
	}
	return name, nil
}

// archiveARN returns the archive that an ARN names.
func (a *api) archiveARN(arn string) (string, error) {
	name := a.resourceName(arn, "archive")
	if name == "" {
		return "", awsjson.Validation("Parameter EventSourceArn is not valid. Reason: Must contain an archive ARN.")
	}
	return name, nil
}

// missingArchive returns bus.ErrArchiveNotFound in StartReplay's words, and any other
// error as it is.
func missingArchive(err error, name string) error {
	if errors.Is(err, bus.ErrArchiveNotFound) {
		return awsjson.Validation("Parameter EventSourceArn is not valid. Reason: Archive " + name + " does not exist.")
	}
	return err
}
