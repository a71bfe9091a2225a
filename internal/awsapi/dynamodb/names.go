package dynamodb

import (
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/tablecast/tablecast/internal/awsjson"
)

// nameText are the constraints of the names of tables and indexes.
var nameText = awsjson.Text{Min: 3, Max: 255, Pattern: "[a-zA-Z0-9_.-]+", Match: isName}

// dataText are the constraints of the names of tables in operations on items.
var dataText = awsjson.Text{Min: 1, Max: 255, Pattern: nameText.Pattern, Match: func(s string) bool { return s == "" || isName(s) }}

// attributeText are the constraints of the names of key attributes and of those
// that an index projects by name.
var attributeText = awsjson.Text{Min: 1, Max: 255}

func isName(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r != '.' && r != '-' && notWord(r) }) < 0
}

// The enumerations of the model, in the order in which messages list them.
var (
	capacities      = awsjson.Text{Enum: []string{"INDEXES", "TOTAL", "NONE"}}
	metrics         = awsjson.Text{Enum: []string{"SIZE", "NONE"}}
	returnValues    = awsjson.Text{Enum: []string{"ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"}}
	returnOnFail    = awsjson.Text{Enum: []string{"ALL_OLD", "NONE"}}
	selects         = awsjson.Text{Enum: []string{"SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"}}
	billingModes    = awsjson.Text{Enum: []string{"PROVISIONED", "PAY_PER_REQUEST"}}
	attributeTypes  = awsjson.Text{Enum: []string{"B", "N", "S"}}
	projectionTypes = awsjson.Text{Enum: []string{"ALL", "INCLUDE", "KEYS_ONLY"}}
	tableClasses    = awsjson.Text{Enum: []string{"STANDARD", "STANDARD_INFREQUENT_ACCESS"}}
	keyTypes        = awsjson.Text{Enum: []string{"HASH", "RANGE"}}
	viewTypes       = awsjson.Text{Enum: []string{"NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY"}}
)

// plainName takes the name of a table out of its ARN. The ARN of a table of another
// account or region stays as it is, which is the name of no table.
func (a *api) plainName(name string) string { return strings.TrimPrefix(name, a.tableARN) }

// isForeign reports whether what plainName returned is the ARN of a table that is not
// here.
func isForeign(plain string) bool {
	if !strings.HasPrefix(plain, "arn:") {
		return false
	}
	id, err := arn.Parse(plain)
	table, ok := strings.CutPrefix(id.Resource, "table/")
	return err == nil && id.Service == "dynamodb" && ok && isName(table)
}

// itemTable checks the table name of an operation on items; v takes in what breaks a
// constraint.
func (a *api) itemTable(name, path string, v *awsjson.Validator) string {
	plain := a.plainName(name)
	if !isForeign(plain) {
		v.Text(&plain, path, dataText)
	}
	return plain
}

// dataTable checks the table name of an operation on items, which is reported
// before all else.
func (a *api) dataTable(name *string) (string, error) {
	var v awsjson.Validator
	if name == nil {
		v.Required(false, "tableName")
		return "", v.Err()
	}
	plain := a.itemTable(*name, "tableName", &v)
	return plain, v.Err()
}

// writeTable is dataTable for the operations that word an empty name in another
// way.
func (a *api) writeTable(name *string) (string, error) {
	if name != nil && *name == "" {
		var v awsjson.Validator
		v.FailAt("TableName", "Member must have length greater than or equal to 1")
		return "", v.Err()
	}
	return a.dataTable(name)
}

var errNoName = awsjson.Validation("The parameter 'TableName' is required but was not present in the request")

// newTable checks the name of a table that is to be made; v takes in what breaks
// a constraint.
func newTable(name *string, v *awsjson.Validator) (string, error) {
	if name == nil {
		return "", errNoName
	}
	v.Text(name, "tableName", nameText)
	return *name, nil
}

// controlTable checks the table name of an operation on tables, as far as it
// is reported before all else; v takes in the rest.
func (a *api) controlTable(name *string, v *awsjson.Validator) (string, error) {
	if name == nil {
		return "", errNoName
	}
	plain := a.plainName(*name)
	if isForeign(plain) {
		return plain, nil
	}
	if n := utf8.RuneCountInString(plain); n < nameText.Min || n > nameText.Max {
		return "", awsjson.Validation("TableName must be at least 3 characters long and at most 255 characters long")
	}
	v.Text(&plain, "tableName", awsjson.Text{Pattern: nameText.Pattern, Match: nameText.Match})
	return plain, nil
}
