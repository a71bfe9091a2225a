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

// plainName takes the name of a table out of its ARN.
func plainName(name string) string {
	if id, err := arn.Parse(name); err == nil && id.Service == "dynamodb" {
		if table, ok := strings.CutPrefix(id.Resource, "table/"); ok {
			return table
		}
	}
	return name
}

// dataTable checks the table name of an operation on items, which is reported
// before all else.
func dataTable(name *string) (string, error) {
	var v awsjson.Validator
	if name == nil {
		v.Required(false, "tableName")
		return "", v.Err()
	}
	plain := plainName(*name)
	v.Text(&plain, "tableName", dataText)
	return plain, v.Err()
}

// writeTable is dataTable for the operations that word an empty name in another
// way.
func writeTable(name *string) (string, error) {
	if name != nil && *name == "" {
		var v awsjson.Validator
		v.FailAt("TableName", "Member must have length greater than or equal to 1")
		return "", v.Err()
	}
	return dataTable(name)
}

// newTable checks the name of a table that is to be made; v takes in what breaks
// a constraint.
func newTable(name *string, v *awsjson.Validator) (string, error) {
	if name == nil {
		return controlTable(nil, v)
	}
	v.Text(name, "tableName", nameText)
	return *name, nil
}

// controlTable checks the table name of an operation on tables, as far as it
// is reported before all else; v takes in the rest.
func controlTable(name *string, v *awsjson.Validator) (string, error) {
	if name == nil {
		return "", awsjson.Validation("The parameter 'TableName' is required but was not present in the request")
	}
	plain := plainName(*name)
	if n := utf8.RuneCountInString(plain); n < nameText.Min || n > nameText.Max {
		return "", awsjson.Validation("TableName must be at least 3 characters long and at most 255 characters long")
	}
	v.Text(&plain, "tableName", awsjson.Text{Pattern: nameText.Pattern, Match: nameText.Match})
	return plain, nil
}
